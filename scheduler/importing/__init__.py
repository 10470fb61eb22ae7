"""Models from elsewhere, made into versions: what a file is (sources.py, found.py), what it takes (describe.py), how
good it is (prepare.py), and the way out and back in of a version (folders.py). Nothing here writes to the registry.
"""
