"""A year that has passed, played again over HTTP: rows in the order of their time, labels when they were known.

sources (what came when), player (sends it, and lets the daemon keep up), story (what the store says happened),
closing (what it was worth).
"""
