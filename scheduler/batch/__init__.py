"""Answers to the rows of a file, by one version, outside the server: read sources.py, then parts.py, job.py, run.py.

export.py writes the prediction log to a file in the same parts.
"""
