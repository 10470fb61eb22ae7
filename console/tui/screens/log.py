"""The log of a run as it grows: follow, wrap, save."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.worker import get_current_worker

from quarterdeck.console.tui.screens.reader import hints
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.console.tui.widgets.bar import Bar
from quarterdeck.console.tui.widgets.lines import Lines

TAIL = 256 * 1024  # bytes at the end that are shown
EVERY = 0.5  # seconds between looks


class LogScreen(ModalScreen[None]):
    """Shows the end of a file, and reads on while it follows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,l", "dismiss(None)", "close"),
        Binding("f", "follow", "follow"),
        Binding("w", "wrap", "wrap"),
        Binding("S", "save", "save"),
        Binding("c", "copy", "copy"),
    ]

    def __init__(self, title: str, path: Path, save: Callable[[str, str], None]) -> None:
        super().__init__()
        self._title = title
        self._path = path
        self._save = save
        self._follow = True
        self._seen: tuple[int, int] | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="tall") as box:
            box.border_title = self._title
            yield Lines(id="log", indent=2)
            yield Bar(id="log-hints")

    def on_mount(self) -> None:
        self.query_one(Lines).focus()
        self._hint()
        self.set_interval(EVERY, self._look)
        self._look()

    def _hint(self) -> None:
        wraps = "unwrap" if self.query_one(Lines).wraps else "wrap"
        following = "stop following" if self._follow else "follow"
        self.query_one(Bar).set(hints(("esc", "close"), ("f", following), ("w", wraps), ("S", "save"), ("c", "copy")))

    @work(thread=True, exclusive=True, group="log", exit_on_error=False)
    def _look(self) -> None:
        """Read the end of the file if it changed."""
        try:
            status = self._path.stat()
            seen = (status.st_size, status.st_mtime_ns)
            if seen == self._seen:
                return
            with self._path.open("rb") as file:
                file.seek(max(0, status.st_size - TAIL))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            seen, text = (-1, 0), "no log yet: the run has not begun, or its log was removed"
        except OSError as error:
            seen, text = (-1, 0), f"the log cannot be read: {error.strerror}"
        if not get_current_worker().is_cancelled and seen != self._seen:
            self._seen = seen
            self.app.call_from_thread(self._show, [toned(part) for part in text.splitlines()])

    def _show(self, lines: list[Line]) -> None:
        self.query_one(Lines).set_lines(lines, follow=self._follow)

    def action_follow(self) -> None:
        self._follow = not self._follow
        if self._follow:
            self.query_one(Lines).action_final()
        self._hint()

    def action_wrap(self) -> None:
        pane = self.query_one(Lines)
        pane.wraps = not pane.wraps
        source = pane.source
        pane.set_lines(())
        pane.set_lines(source)
        self._hint()

    def action_save(self) -> None:
        self._save(self._path.stem, self.query_one(Lines).text())

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self.query_one(Lines).text())


def toned(text: str) -> Line:
    """A line of a log; levels show by colour, the words are there anyway."""
    expanded = text.expandtabs(4)
    for word, tone in (("ERROR", "bad"), ("CRITICAL", "bad"), ("Traceback", "bad"), ("WARNING", "warn")):
        if word in expanded[:80]:
            return line(span(expanded, tone))
    return line(span(expanded))
