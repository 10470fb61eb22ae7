"""Where the demonstration runs: printed here, or in a process beside the console that shows it live."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from quarterdeck.console.context import Console
from quarterdeck.scheduler.control import stop_daemon
from quarterdeck.scheduler.processes import spawn, terminate
from quarterdeck.store.workspace import create_workspace

STOP_PATIENCE_S = 30.0
GUARD_S = 0.5
CLOSING_LINES = 18  # of the story's log: the closing table, or where it was left


def run_demo(directory: Path | None, headless: bool, as_json: bool) -> int:
    """Make a workspace and play the loop in it; the exit code says whether it closed.

    In a terminal the console opens on it. Otherwise, or with `headless` or `as_json`, the story is printed.
    """
    root = directory if directory is not None else Path(tempfile.mkdtemp(prefix="quarterdeck-demo-"))
    _prepare(root)
    if headless or as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return play(root, as_json=as_json)
    return _beside_the_console(root)


def _prepare(root: Path) -> None:
    # start-up time of the console: the loop loads polars and scikit-learn
    from quarterdeck.console.demo.settings import SETTINGS

    workspace = create_workspace(root, data=False)
    workspace.settings_file.write_text(SETTINGS)


def play(root: Path, *, as_json: bool = False, host: int | None = None) -> int:
    """Play the loop here. `host` is the process that has the console open: then the daemon goes on until it ends."""
    # start-up time of the console: polars and scikit-learn
    from quarterdeck.console.demo.loop import Loop
    from quarterdeck.console.demo.report import Report

    stop = threading.Event()
    # a first ctrl+c ends the replay after the day it is in, and everything is closed as at its end
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    started = time.monotonic()

    def stopped() -> bool:
        return stop.is_set() or (host is not None and os.getppid() != host)

    with Console.open(root) as console:
        story_file = None if host is None else console.workspace.run / "story.txt"
        try:
            with Report(as_json=as_json, story_file=story_file) as report:
                outcome = Loop(console, tell=report.tell, show=report.show, stopped=stopped).play()
            report.close(outcome, time.monotonic() - started)
            report.last_word(outcome)
            while host is not None and not stopped():
                stop.wait(GUARD_S)  # a console that is killed must not leave a daemon behind
        finally:
            stop_daemon(console.database)
    if not as_json and host is None:
        print(f"\nLook at it:  quarterdeck --workspace {root}")
    return 0 if outcome.closed else 1


def _beside_the_console(root: Path) -> int:
    """The loop in a process of its own, the console on this terminal; leaving the console ends both."""
    # start-up time of everything else: textual
    from quarterdeck.console.tui.app import run

    with Console.open(root) as console:
        log = console.workspace.logs / "demo.log"
        story = spawn("quarterdeck.console.demo", str(root), str(os.getpid()), log=log)
        try:
            run(console)
        finally:
            print("stopping the daemon and the server ...")
            terminate(story.pid, patience=STOP_PATIENCE_S)
            story.wait()
            stop_daemon(console.database)
    print("\n".join(log.read_text(errors="replace").splitlines()[-CLOSING_LINES:]))
    print(f"The workspace is kept:  quarterdeck --workspace {root}")
    print(f"All that happened:      {log}")
    return 0
