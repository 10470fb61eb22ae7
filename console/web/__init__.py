"""The same console in a browser on this machine: server.py serves it behind a token, page.py is one browser's console.

It needs the extra `web` (textual-serve).
"""
