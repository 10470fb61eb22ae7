"""`quarterdeck demo`: the whole loop on a workspace of its own.

loop plays it, report prints it, and run decides between a terminal (the console opens on it, live) and none.
"""

from quarterdeck.console.demo.run import run_demo

__all__ = ["run_demo"]
