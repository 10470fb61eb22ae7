"""The demo's quarterdeck.toml: any free port, and a daemon that looks often, because weeks pass in a second."""

SETTINGS = """[server]
port = 0
processes = 1  # the demo's clients and training share the machine

[daemon]
tick_seconds = 0.1
"""
