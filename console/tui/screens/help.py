"""The help: every key that works here, made from the bindings, filtered as you type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from quarterdeck.console.tui.commands import COMMANDS
from quarterdeck.console.tui.keymap import Key
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.console.tui.widgets.lines import Lines


class Help(ModalScreen[None]):
    """Type to filter; arrows scroll; esc closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "close"),
        Binding("down", "scroll(1)", "down", priority=True),
        Binding("up", "scroll(-1)", "up", priority=True),
        Binding("pagedown", "scroll(10)", "a page down", priority=True),
        Binding("pageup", "scroll(-10)", "a page up", priority=True),
    ]

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._keys = tuple(keys)

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="tall") as box:
            box.border_title = "Help: type to filter, esc closes"
            field = Input(id="help-filter", placeholder="filter", compact=True)
            field.cursor_blink = False
            yield field
            text = Lines(id="help-text", indent=14)
            text.can_focus = False
            yield text

    def on_mount(self) -> None:
        self._show("")

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, text: str) -> None:
        self.query_one(Lines).set_lines(help_lines(self._keys, text))

    def action_scroll(self, lines: int) -> None:
        self.query_one(Lines).scroll_relative(y=lines, animate=False)


def help_lines(keys: Sequence[Key], text: str) -> list[Line]:
    """Keys by group, then the commands; only what has every word of the filter."""
    words = text.lower().split()
    lines: list[Line] = []
    for group in dict.fromkeys(key.group for key in keys):
        found = [key for key in keys if key.group == group and _holds(words, key.shown, key.says, group)]
        lines += _section(group, [(key.shown, key.says) for key in found])
    commands = [kind for kind in COMMANDS if _holds(words, kind.usage, kind.says, "commands")]
    lines += _section("Commands", [(kind.usage, kind.says) for kind in commands])
    return lines or [line(span("no key or command has that", "dim"))]


def _section(title: str, pairs: list[tuple[str, str]]) -> list[Line]:
    if not pairs:
        return []
    width = max(12, *(len(left) + 2 for left, _ in pairs))
    rows = [line(span(f"  {left:<{width}}", "accent"), says) for left, says in pairs]
    return [line(span(title, "head")), *rows, line("")]


def _holds(words: list[str], *texts: str) -> bool:
    joined = " ".join(texts).lower()
    return all(word in joined for word in words)
