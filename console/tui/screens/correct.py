"""What is right: one of the model's classes by its digit, or a value that is typed."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from quarterdeck.console.queries.review_values import ReviewDetail
from quarterdeck.console.tui.screens.review_rows import is_value
from quarterdeck.console.tui.text import line, span
from quarterdeck.console.tui.widgets.columns import Column, Row
from quarterdeck.console.tui.widgets.table import Table

_COLUMNS = (
    Column(key="key", title="KEY", width=4),
    Column(key="label", title="CLASS", width=30, least=16, flex=1),
    Column(key="share", title="MODEL", width=6, right=True),
)
_DIGITS = 9  # classes that have a key of their own; the others are reached by the cursor


class Correct(ModalScreen[str | None]):
    """Gives the label as it is typed, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "close")]

    def __init__(self, found: ReviewDetail) -> None:
        super().__init__()
        self._found = found
        self._names = [name for name, _ in found.classes if name != found.row.answer]

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as box:
            box.border_title = f"What is {self._found.target}?"
            if is_value(self._found):
                yield Label("The right value, then enter; esc leaves it as it was", markup=False)
                field = Input(id="value", compact=True, select_on_focus=False, max_length=40)
                field.cursor_blink = False
                yield field
            else:
                yield Table(_COLUMNS, id="choices", empty="the model has no other class")

    def on_mount(self) -> None:
        if is_value(self._found):
            self.set_focus(self.query_one("#value"))
            return
        shares = dict(self._found.classes)
        table = self.query_one(Table)
        table.set_rows([self._row(place, name, shares[name]) for place, name in enumerate(self._names, 1)])
        table.focus()

    @staticmethod
    def _row(place: int, name: str, share: float | None) -> Row:
        cells = {
            "key": line(span(str(place) if place <= _DIGITS else "", "accent")),
            "label": line(name),
            "share": line(span("" if share is None else f"{share:.2f}", "dim")),
        }
        return Row(id=name, cells=cells)

    def on_key(self, event: Key) -> None:
        """A digit chooses its class."""
        if is_value(self._found) or not (event.character or "").isdigit():
            return
        place = int(event.character or "0")
        if 0 < place <= min(_DIGITS, len(self._names)):
            event.stop()
            self.dismiss(self._names[place - 1])

    @on(Table.Opened)
    def _chosen(self, event: Table.Opened) -> None:
        self.dismiss(event.row.id)

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)
