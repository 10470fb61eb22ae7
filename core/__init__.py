"""Values and rules. Imports nothing else of Quarterdeck, and no database, web or terminal library.

Read in this order: errors, values, manifest, pipeline/, models/, prediction, gates, registry, profile, drift/,
triggers, duel, ledger.
"""
