"""Rollbacks by the key, in the real console on a pseudo-terminal, under load: one request a millisecond, no daemon.

Each time the dialog is filled in, and the clock starts with its last key: the milliseconds from there to the first
answer of the version that is champion again, and to the last answer of the one that was taken back. No request may
fail. Needs some minutes.

    python benchmarks/bench_rollback.py [--acts 50] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import pexpect
import pyte
from bench_promotion import Seen, load, report, two_versions

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.core.operations import Service
from quarterdeck.core.values import Alias
from quarterdeck.scheduler import control
from quarterdeck.scheduler.processes import terminate
from quarterdeck.store import registry
from quarterdeck.store.workspace import create_workspace

ROWS, COLUMNS = 24, 80
PATIENCE_S = 20.0
BETWEEN_ACTS_S = 0.3


class Terminal:
    """The console in a pseudo-terminal, with the screen as a person sees it."""

    def __init__(self, workspace: Path) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        program = [sys.executable, "-m", "quarterdeck.console.main", "--workspace", str(workspace)]
        self._process = pexpect.spawn(program[0], program[1:], dimensions=(ROWS, COLUMNS), env=_environment())

    def press(self, keys: str) -> None:
        self._process.send(keys)

    def wait(self, text: str, *, gone: bool = False) -> None:
        """Until the screen shows a text, or does not any more."""
        deadline = time.monotonic() + PATIENCE_S
        while (text in "\n".join(self._screen.display)) is gone:
            try:
                self._stream.feed(self._process.read_nonblocking(65536, timeout=0.01))
            except pexpect.TIMEOUT:
                if time.monotonic() > deadline:
                    shown = "\n".join(self._screen.display)
                    raise TimeoutError(f"{text!r} gone={gone} was waited for in vain:\n{shown}") from None

    def close(self) -> None:
        self._process.close(force=True)


def _environment() -> dict[str, str]:
    return {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}


def roll_back(terminal: Terminal) -> float:
    """Fill the dialog in; give the time of its last key."""
    terminal.press("B")
    terminal.wait("kept in the ledger")
    terminal.press("benchmark")
    terminal.wait("benchmark")
    terminal.press("\r")
    terminal.press("fuel")
    terminal.press("\r")
    terminal.wait("Type fuel")
    time.sleep(0.1)  # the focus moves to the button; nothing on the screen says so
    at = time.perf_counter()
    terminal.press("\r")
    terminal.wait("kept in the ledger", gone=True)
    return at


def champion_of(console: Console) -> int:
    with console.database.read() as tx:
        return registry.aliases(tx, "fuel", console.environment)[Alias.CHAMPION]


async def measure(console: Console, service: Service, count: int) -> tuple[Seen, list[tuple[float, int, str]]]:
    seen, stop, moved = Seen(), asyncio.Event(), []
    terminal = Terminal(console.workspace.root)
    try:
        await asyncio.to_thread(terminal.wait, "fuel")
        terminal.press(":model fuel\r")
        await asyncio.to_thread(terminal.wait, "fuel@")
        driving = asyncio.create_task(load(service, seen, stop))
        await asyncio.sleep(1.0)
        for _ in range(count):
            if champion_of(console) == 1:  # what was rolled back is promoted again, from outside and not measured
                acts.promote(console, "fuel@2", reason="a benchmark")
                moved.append((time.perf_counter(), 2, "promotion between"))
                await asyncio.to_thread(terminal.wait, "previous")
                await asyncio.sleep(BETWEEN_ACTS_S)
            before = champion_of(console)
            at = await asyncio.to_thread(roll_back, terminal)
            while champion_of(console) == before:
                await asyncio.sleep(0.01)
            moved.append((at, champion_of(console), "rollback"))
            await asyncio.sleep(BETWEEN_ACTS_S)
        stop.set()
        await driving
    finally:
        terminal.close()
    return seen, moved


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acts", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as folder:
        workspace = create_workspace(Path(folder) / "workspace")
        workspace.settings_file.write_text("[server]\nport = 0\nprocesses = 1\n")
        with Console.open(workspace.root) as console:
            two_versions(console)
            acts.promote(console, "fuel@2", reason="a benchmark")
            service = control.start_server(workspace, console.database)
            try:
                found = report(*asyncio.run(measure(console, service, arguments.acts)))
            finally:
                terminate(service.pid, patience=10)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:<44} {value:,.2f}" if isinstance(value, float) else f"{name:<44} {value:,}")
    return 0 if found["failed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
