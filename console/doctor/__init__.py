"""Is everything as it should be? finding.py says what a check gives; machine.py, workspace.py, store.py and
processes.py hold the checks; examine.py runs them all."""
