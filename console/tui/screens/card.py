"""A model card on the whole screen, to be read from top to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from quarterdeck.console.tui.screens.card_text import card_lines
from quarterdeck.console.tui.screens.reader import hints
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.widgets.bar import Bar
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.core.card import Card
from quarterdeck.core.card_markdown import to_markdown

_WIDEST = 110  # cells: longer lines are hard to read
_LEAST = 30


class CardLines(Lines):
    """The card laid out anew for each width."""

    def __init__(self, card: Card, symbols: Symbols) -> None:
        super().__init__(id="card-text")
        self._card = card
        self._symbols = symbols

    def on_resize(self) -> None:
        if self._width > 0:
            self.set_lines(card_lines(self._card, max(_LEAST, min(_WIDEST, self._width)), self._symbols))
        super().on_resize()


class CardScreen(ModalScreen[None]):
    """Closes with esc, q or i; `c` copies it as Markdown, `E` writes that to a file, `n` and `p` go by headings."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,i", "dismiss(None)", "close"),
        Binding("c", "copy", "copy"),
        Binding("E", "save", "write"),
        Binding("n", "heading(1)", "next heading"),
        Binding("p", "heading(-1)", "heading before"),
    ]

    def __init__(self, card: Card, symbols: Symbols, name: str, save: Callable[[str, str], None]) -> None:
        super().__init__()
        self._card = card
        self._symbols = symbols
        self._name_of_file = f"card-{name.replace('@', '-')}"
        self._save = save

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="whole"):
            yield CardLines(self._card, self._symbols)
            yield Bar(id="reader-hints")

    def on_mount(self) -> None:
        self.query_one(CardLines).focus()
        pairs = (("esc", "close"), ("j k", "scroll"), ("n p", "heading"), ("c", "copy Markdown"), ("E", "write it"))
        self.query_one(Bar).set(hints(*pairs))

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(to_markdown(self._card))

    def action_save(self) -> None:
        self._save(self._name_of_file, to_markdown(self._card))
        self.dismiss(None)

    def action_heading(self, way: int) -> None:
        """To the next heading below the top of the screen, or the one before."""
        text = self.query_one(CardLines)
        top = text.scroll_offset.y
        found = [index for index, parts in enumerate(text.source) if parts and parts[0][1] == "head"]
        after = [index for index in found if index > top]
        before = [index for index in found if index < top]
        if way > 0 and after:
            text.scroll_to(y=after[0], animate=False)
        elif way < 0:
            text.scroll_to(y=before[-1] if before else 0, animate=False)
