"""A text to read above the screen: a description, a raw record, a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.console.tui.widgets.bar import Bar
from quarterdeck.console.tui.widgets.lines import Lines


class Reader(ModalScreen[None]):
    """Closes with esc, q or enter; `c` copies all of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss(None)", "close"),
        Binding("c", "copy", "copy"),
    ]

    def __init__(self, title: str, lines: Sequence[Line], *, small: bool = False) -> None:
        super().__init__()
        self._title = title
        self._lines = tuple(lines)
        self._small = small

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="small" if self._small else "tall") as box:
            box.border_title = self._title
            yield Lines(id="text", indent=2)
            yield Bar(id="reader-hints")

    def on_mount(self) -> None:
        self.query_one(Lines).set_lines(self._lines)
        self.query_one(Lines).focus()
        self.query_one(Bar).set(hints(("esc", "close"), ("j k", "scroll"), ("c", "copy")))

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self.query_one(Lines).text())


def hints(*pairs: tuple[str, str]) -> Line:
    """Keys and what they do, for a line at the foot."""
    parts = [part for key, says in pairs for part in (span(key, "accent"), span(f" {says}  ", "dim"))]
    return line(*parts)
