"""Everything that outlives a process: metadata, ledger, artifacts, traffic.

Read in this order: workspace, engine, tables/, ledger, runs, models, triggers, alerts, services, artifacts, traffic.
"""
