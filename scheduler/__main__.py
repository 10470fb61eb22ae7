"""`python -m quarterdeck.scheduler --workspace DIR`: the daemon of a workspace, in the foreground."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.daemon import run_daemon
from quarterdeck.store.workspace import find_workspace

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def main() -> int:
    parser = argparse.ArgumentParser(prog="quarterdeck daemon run", description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    try:
        run_daemon(find_workspace(Path.cwd(), arguments.workspace))
    except QuarterdeckError as error:
        logging.getLogger("quarterdeck").error("%s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
