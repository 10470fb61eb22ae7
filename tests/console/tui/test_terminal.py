"""The console in a real pseudo-terminal, and what its process loads."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pexpect
import pytest

from quarterdeck.core.clock import utc_now
from quarterdeck.core.values import ServiceKind
from quarterdeck.store import runs, services

PATIENCE_S = 60.0
QUIET_S = 2.0
PROGRAM = """
import sys
from pathlib import Path
from quarterdeck.console.context import Console
from quarterdeck.console.tui.app import run
with Console.open(Path(sys.argv[1])) as console:
    run(console)
"""


class Terminal:
    """A console process; bytes are read as they come."""

    def __init__(self, root: Path, rows: int = 24, columns: int = 80, **environment: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self.child = pexpect.spawn(
            sys.executable,
            ["-c", PROGRAM, str(root)],
            dimensions=(rows, columns),
            timeout=None,
            env=inherited | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"} | environment,
        )
        self.seen = b""

    def read(self, seconds: float) -> bytes:
        """What comes within so long."""
        end, got = time.monotonic() + seconds, b""
        while (left := end - time.monotonic()) > 0:
            try:
                got += self.child.read_nonblocking(65_536, timeout=left)
            except pexpect.TIMEOUT:
                break
        self.seen += got
        return got

    def until(self, text: bytes) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.seen:
            assert time.monotonic() < deadline, f"{text!r} was never sent"
            self.read(0.1)

    def settle(self) -> None:
        """Until nothing has come for a while."""
        deadline = time.monotonic() + PATIENCE_S
        while self.read(QUIET_S):
            assert time.monotonic() < deadline, "it never comes to rest"

    def close(self) -> None:
        self.child.sendcontrol("q")
        self.child.expect(pexpect.EOF, timeout=PATIENCE_S)
        self.child.close()


@pytest.fixture
def rested(filled: Path, seed: Any) -> Path:
    """No process writes, and none is said to be alive."""
    with seed.open_console(filled) as console, console.database.write() as tx:
        for kind in ServiceKind:
            services.stopped(tx, kind, "main", pid=os.getpid(), now=utc_now())
    return filled


def test_a_console_at_rest_sends_nothing_and_a_changed_row_little(rested: Path, seed: Any) -> None:
    terminal = Terminal(rested)
    terminal.until(b"flights")
    terminal.settle()
    assert terminal.read(3.0) == b""
    with seed.open_console(rested) as console, console.database.write() as tx:
        runs.set_progress(tx, 5, progress=0.93, message="nearly")
    terminal.until(b"93%")
    terminal.settle()
    before = len(terminal.seen)
    with seed.open_console(rested) as console, console.database.write() as tx:
        runs.set_progress(tx, 5, progress=0.94, message="nearly")
    terminal.until(b"94%")
    terminal.settle()
    assert len(terminal.seen) - before < 2_500
    terminal.close()
    assert terminal.child.exitstatus == 0


def test_without_colours_no_colour_is_sent(rested: Path) -> None:
    terminal = Terminal(rested, NO_COLOR="1")
    terminal.until(b"flights")
    terminal.settle()
    for colour in (b"38;2;", b"48;2;", b"38;5;", b"\x1b[31m", b"\x1b[32m"):
        assert colour not in terminal.seen
    terminal.close()


def test_a_locale_without_unicode_gets_ascii(rested: Path) -> None:
    terminal = Terminal(rested, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    terminal.until(b"flights")
    terminal.settle()
    for glyph in ("▲", "●", "█", "…"):
        assert glyph.encode() not in terminal.seen
    terminal.close()


IMPORTS = """
import asyncio, sys
from pathlib import Path
from quarterdeck.console.context import Console
from quarterdeck.console.tui.app import QuarterdeckApp
early = [name for name in ("sqlalchemy", "sqlmodel", "alembic") if name in sys.modules]
async def visit(app):
    async with app.run_test() as pilot:
        while not app.models():
            await pilot.pause()
        for key in "23451":
            await pilot.press(key)
            await pilot.pause()
        await pilot.press("P")
        await pilot.pause()
with Console.open(Path(sys.argv[1])) as console:
    asyncio.run(visit(QuarterdeckApp(console)))
heavy = ("numpy", "scipy", "sklearn", "polars", "pandas", "onnxruntime", "skops", "httptools", "apscheduler")
print("early:", early, "heavy:", [name for name in heavy if name in sys.modules])
"""


def test_the_console_loads_no_database_before_its_first_frame_and_never_what_trains(rested: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, str(rested)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert done.stdout.strip() == "early: [] heavy: []"
