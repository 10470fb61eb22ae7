"""An operator's shift without leaving the keyboard: the real console in a terminal, the real daemon and server.

An alert comes, enter goes to the drift that caused it, T retrains, the run is followed, its version appears, P promotes
it, B takes it back, u takes that back; each with its entry in the ledger.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from quarterdeck.console.context import Console
from quarterdeck.console.demo.loop import Loop
from quarterdeck.console.demo.settings import SETTINGS
from quarterdeck.core.ledger import Entry
from quarterdeck.core.values import Alias, RunStatus
from quarterdeck.scheduler import control
from quarterdeck.store import alerts, auditing, ledger, registry, runs
from quarterdeck.store.workspace import create_workspace

WEEKS = 8  # of the story: enough for the drift of the flights to be noticed
COLUMNS, ROWS = 140, 40
PATIENCE_S = 120.0


class Terminal:
    """The console as a person sees it."""

    def __init__(self, workspace: Path) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        command = ["-m", "quarterdeck.console.main", "--workspace", str(workspace)]
        environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        environment.pop("NO_COLOR", None)
        self._child = pexpect.spawn(sys.executable, command, dimensions=(ROWS, COLUMNS), env=environment)

    @property
    def text(self) -> str:
        return "\n".join(self._screen.display)

    def press(self, keys: str) -> None:
        self._child.send(keys)

    def until(self, holds: Callable[[str], bool] | str) -> None:
        """Until the screen shows a text, or is as asked."""
        wanted = (lambda text: holds in text) if isinstance(holds, str) else holds
        deadline = time.monotonic() + PATIENCE_S
        while not wanted(self.text):
            assert time.monotonic() < deadline, f"{holds} never came about:\n{self.text}"
            try:
                self._stream.feed(self._child.read_nonblocking(1 << 16, timeout=0.05))
            except pexpect.TIMEOUT:
                continue

    def confirm(self, verb: str, *, reason: str, name: str | None = None) -> None:
        """Fill the dialog in front, field by field, and press its button."""
        self.until("kept in the ledger")
        self.press(reason)
        self.until(reason)
        self.press("\r")
        if name is not None:
            self.until(f"Type {name} to change")
            self.press(f"{name}\r")
        self.until(verb)
        done = len(self.text)
        self.press("\r")
        self.until(lambda text: "kept in the ledger" not in text and len(text) == done)

    def close(self) -> None:
        self._child.sendcontrol("q")
        self._child.expect(pexpect.EOF, timeout=PATIENCE_S)
        self._child.close()


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """A workspace in which the flights have drifted, with its daemon at work."""
    workspace = create_workspace(tmp_path / "workspace", data=False)
    workspace.settings_file.write_text(SETTINGS)
    with Console.open(workspace.root) as opened:
        try:
            Loop(opened, tell=lambda *_: None, show=lambda _: None, days=7 * WEEKS).play()
            yield opened
        finally:
            control.stop_daemon(opened.database)


@pytest.fixture
def terminal(console: Console) -> Iterator[Terminal]:
    shown = Terminal(console.workspace.root)
    yield shown
    shown.close()


def _last(console: Console) -> Entry:
    with console.database.read() as tx:
        return ledger.entries(tx, limit=1)[0]


def _champion(console: Console) -> int:
    with console.database.read() as tx:
        return registry.aliases(tx, "flights", console.environment)[Alias.CHAMPION]


def _eventually(condition: Callable[[], bool], terminal: Terminal) -> None:
    terminal.until(lambda _: condition())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_shift_from_the_alert_to_the_rollback_and_its_undoing(console: Console, terminal: Terminal) -> None:
    with console.database.read() as tx:
        found = next(alert for alert in alerts.page(tx) if alert.event_at is not None and alert.resolved_at is None)
        newest = registry.versions(tx, model="flights", limit=1)[0].number
    terminal.until("flights")
    # from the alert to the window that raised it
    terminal.press(":alerts\r")
    terminal.until(found.message[:20])
    terminal.press("\r")
    terminal.until(f"windows of {found.model}")
    # retrain, and follow the run
    terminal.press(":pipelines flights\r")
    terminal.until("runs of flights")
    terminal.press("T")
    terminal.confirm("Run", reason="the weather has turned")

    def trained() -> bool:
        with console.database.read() as tx:
            last = runs.page(tx, pipeline="flights", limit=1)[0]
        return last.requested_by.startswith(console.actor) and last.status is RunStatus.SUCCEEDED

    _eventually(trained, terminal)
    with console.database.read() as tx:
        version = registry.versions(tx, model="flights", limit=1)[0].number
    assert version > newest
    before = _champion(console)
    # promote it, take it back, and take that back
    terminal.press(f":model flights@{version}\r")
    terminal.until(f"flights@{version}")
    terminal.press("P")
    terminal.confirm("Promote", reason="trained on this weather", name="flights")
    _eventually(lambda: _champion(console) == version, terminal)
    assert (_last(console).act, _last(console).reason) == ("promote", "trained on this weather")
    terminal.until("is the champion")
    terminal.press("B")
    terminal.confirm("Roll back", reason="too many complaints", name="flights")
    _eventually(lambda: _champion(console) == before, terminal)
    assert (_last(console).act, _last(console).reason) == ("rollback", "too many complaints")
    terminal.until("is the champion again")
    terminal.press("u")
    terminal.confirm("Undo", reason="they were about something else", name="flights")
    _eventually(lambda: _champion(console) == version, terminal)
    entry = _last(console)
    assert (entry.act, entry.reason, entry.actor) == ("undo", "they were about something else", console.actor)
    with console.database.read() as tx:
        assert auditing.verify(tx)[1] == []
