"""`python -m quarterdeck.scheduler --workspace DIR`: the daemon of a workspace, in the foreground."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.settings import read_settings
from quarterdeck.scheduler.daemon import OWN_LOG
from quarterdeck.scheduler.logs import log_daemon
from quarterdeck.scheduler.running import run_daemon
from quarterdeck.store.workspace import find_workspace


def main() -> int:
    parser = argparse.ArgumentParser(prog="quarterdeck daemon run", description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--standby", action="store_true")
    arguments = parser.parse_args()
    try:
        workspace = find_workspace(Path.cwd(), arguments.workspace)
        log_daemon(workspace.logs / OWN_LOG, read_settings(workspace.settings_file))
        run_daemon(workspace, standby=arguments.standby)
    except QuarterdeckError as error:
        logging.getLogger("quarterdeck").error("%s", error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
