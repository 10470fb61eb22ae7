"""The command line: a file per noun. Read app.py (the list of commands), session.py, output.py, any noun."""
