"""Where the demonstration runs: printed here, or in a process beside the console that shows it live."""

from __future__ import annotations

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

STOP_PATIENCE_S = 15.0


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


def play(root: Path, *, as_json: bool = False, hosted: bool = False) -> int:
    """Play the loop here. `hosted`: the daemon is left to whoever opened the console."""
    # start-up time of the console: polars and scikit-learn
    from quarterdeck.console.demo.loop import Loop
    from quarterdeck.console.demo.report import Report

    stop = threading.Event()
    # a first ctrl+c ends the replay after the day it is in, and everything is closed as at its end
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    started = time.monotonic()
    with Console.open(root) as console:
        story_file = console.workspace.run / "story.txt" if hosted else None
        try:
            with Report(as_json=as_json, story_file=story_file) as report:
                loop = Loop(console, tell=report.tell, show=report.show, stopped=stop.is_set)
                outcome = loop.play()
            report.close(outcome, time.monotonic() - started)
        finally:
            if not hosted:
                stop_daemon(console.database)
    if not as_json and not hosted:
        print(f"\nLook at it:  quarterdeck --workspace {root}")
    if stop.is_set():
        return 130
    return 0 if outcome.closed else 1


def _beside_the_console(root: Path) -> int:
    """The loop in a process of its own, the console on this terminal; leaving the console ends both."""
    # start-up time of everything else: textual
    from quarterdeck.console.tui.app import run

    with Console.open(root) as console:
        story = spawn("quarterdeck.console.demo", str(root), log=console.workspace.logs / "demo.log")
        try:
            run(console)
        finally:
            terminate(story.pid, patience=STOP_PATIENCE_S)
            code = story.wait()
            stop_daemon(console.database)
    print(f"The workspace is kept:  quarterdeck --workspace {root}")
    return 1 if code == 1 else 0
