"""What is said when something waits for the daemon."""

from __future__ import annotations

import sys

from quarterdeck.console.cli.output import print_json
from quarterdeck.console.context import Console
from quarterdeck.core.runs import Run
from quarterdeck.core.values import ServiceKind
from quarterdeck.store import services


def say_queued(console: Console, run: Run, *, as_json: bool) -> None:
    """Print the run, and a word on stderr if there is no daemon that would take it."""
    if as_json:
        print_json(run)
    else:
        print(f"run {run.id} of {run.pipeline} is {run.status}: quarterdeck run show {run.id}")
    warn_no_daemon(console, "no daemon runs, so it waits: quarterdeck daemon start")


def warn_no_daemon(
    console: Console, text: str = "no daemon runs: nothing moves until `quarterdeck daemon start`"
) -> None:
    """A word on stderr where there is no daemon that would go on from here."""
    with console.database.read() as tx:
        daemon = services.find(tx, ServiceKind.DAEMON)
    if daemon is None or not services.is_alive(daemon):
        print(text, file=sys.stderr)
