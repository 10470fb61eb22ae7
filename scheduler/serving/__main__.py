"""`python -m quarterdeck.scheduler.serving --workspace DIR [--host HOST] [--port PORT]`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from pathlib import Path

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.settings import read_settings
from quarterdeck.scheduler.logs import log_to_stderr
from quarterdeck.scheduler.serving.server import serve
from quarterdeck.store.workspace import find_workspace


def main(arguments: list[str] | None = None) -> int:
    """Serve the workspace's models until told to stop; the exit code of the error that ended it, or 0."""
    parser = argparse.ArgumentParser(prog="quarterdeck-serving", description="The prediction server of a workspace.")
    parser.add_argument("--workspace", type=Path, help="its folder; else found from here upwards")
    parser.add_argument("--host", help="address to listen on; default: the workspace's setting")
    parser.add_argument("--port", type=int, help="0 takes a free one; default: the workspace's setting")
    parser.add_argument("--place", type=int, default=0, help=argparse.SUPPRESS)  # family.py starts such processes
    options = parser.parse_args(arguments)
    try:
        workspace = find_workspace(Path.cwd(), options.workspace)
        settings = read_settings(workspace.settings_file)
        log_to_stderr(settings.log_format)
        port = settings.port if options.port is None else options.port
        serve(workspace, settings, host=options.host or settings.host, port=port, place=options.place)
    except QuarterdeckError as error:
        print(f"quarterdeck: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _exit(code: int) -> None:
    """End the process, also when a model that never returns holds a thread."""
    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        logging.shutdown()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    _exit(main())
