"""The line where a filter or a command is typed; tab completes a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

from quarterdeck.console.tui.text import line, span
from quarterdeck.console.tui.widgets.bar import Bar

Complete = Callable[[str], list[str]]


class Prompt(Horizontal):
    """`mark` is "/" for a filter, which works while it is typed, or ":" for a command."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", priority=True),
        Binding("tab", "complete", "complete", priority=True),
        Binding("up,down", "nothing", "", show=False),
    ]

    class Typed(Message):
        """The text changed."""

        def __init__(self, mark: str, text: str) -> None:
            super().__init__()
            self.mark, self.text = mark, text

    class Entered(Message):
        """Enter (`kept`) or escape."""

        def __init__(self, mark: str, text: str, kept: bool) -> None:
            super().__init__()
            self.mark, self.text, self.kept = mark, text, kept

    def __init__(self, mark: str, text: str, complete: Complete) -> None:
        super().__init__(id="prompt")
        self.mark = mark
        self._text = text
        self._complete = complete
        self._offers: list[str] = []

    def compose(self) -> ComposeResult:
        yield Label(self.mark, markup=False)
        field = Input(self._text, compact=True, select_on_focus=False)
        field.cursor_blink = False
        yield field
        yield Bar(id="offers")

    def on_mount(self) -> None:
        self._offer(self._text)

    @property
    def field(self) -> Input:
        return self.query_one(Input)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._offer(event.value)
        self.post_message(self.Typed(self.mark, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered(self.mark, event.value, True))

    def action_cancel(self) -> None:
        self.post_message(self.Entered(self.mark, self.query_one(Input).value, False))

    def action_nothing(self) -> None:
        """Arrows leave the prompt open."""

    def _offer(self, text: str) -> None:
        self._offers = self._complete(text)
        words = "  ".join(offer.rpartition(" ")[2] for offer in self._offers[:8])
        self.query_one("#offers", Bar).set(line(span(words, "dim")))

    def action_complete(self) -> None:
        """As far as all offers agree; a single one is taken whole."""
        if not self._offers:
            return
        field = self.query_one(Input)
        common = self._offers[0]
        for offer in self._offers[1:]:
            while not offer.startswith(common):
                common = common[:-1]
        if len(self._offers) == 1:
            common = self._offers[0]
        if len(common) > len(field.value.removeprefix(":")):
            field.value = common
            field.cursor_position = len(common)
