"""A process that does one long thing for a command: orders in, reports out, a line of JSON each.

    python -m quarterdeck.scheduler.NAME < order

The order is the first line of stdin, which then stays open: when it closes, whoever asked has gone, and the work stops
at its next good place. Reports on stdout: {"progress": {...}} as often as it likes, and last {"done": {...}},
{"stopped": {...}} or {"error": {...}}. What is printed besides goes to stderr.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from quarterdeck.core.errors import QuarterdeckError

EVERY_S = 0.1  # between two reports of progress


class Stopped(Exception):  # no error: somebody asked for it
    """The work was asked to stop and has; `told` goes to whoever asked."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__("stopped")
        self.told = told


class Desk:
    """What the work may do while it goes on: tell how far it is, and ask whether it should stop."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._stopping = threading.Event()
        self._told_at = 0.0

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        self._stopping.set()

    def progress(self, **told: Any) -> None:
        """Say how far it is; more than ten times a second it says nothing."""
        now = time.monotonic()
        if now - self._told_at >= EVERY_S:
            self._told_at = now
            self.tell("progress", told)

    def tell(self, kind: str, told: Mapping[str, Any]) -> None:
        try:
            self._output.write(json.dumps({kind: dict(told)}) + "\n")
            self._output.flush()
        except BrokenPipeError:  # nobody listens any more
            self._stopping.set()


def helper_main(work: Callable[[Mapping[str, Any], Desk], Mapping[str, Any]]) -> None:
    """The process's whole life; ends it."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever is printed must not mix with the reports
    desk = Desk(output)
    signal.signal(signal.SIGTERM, lambda *_: desk.stop())
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_watch, args=(desk,), daemon=True).start()
    code = 0
    try:
        done = work(order, desk)
        desk.tell("done", {**done, "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})
    except Stopped as stopped:
        desk.tell("stopped", stopped.told)
    except QuarterdeckError as error:
        said = {"message": error.message, "where": error.where, "hint": error.hint}
        desk.tell("error", {"kind": type(error).__name__, **said})
        code = error.exit_code
    sys.stderr.flush()
    os._exit(code)  # the watching thread waits for a line that never comes


def _watch(desk: Desk) -> None:
    sys.stdin.read()
    desk.stop()
