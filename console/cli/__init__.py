"""The command line: a file per noun. Read app.py (which commands there are), session.py, output.py, any noun."""
