"""A short list to choose from: the columns to sort by, the actions here, the formats of an export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from quarterdeck.console.tui.text import line, span
from quarterdeck.console.tui.widgets.columns import Column, Row
from quarterdeck.console.tui.widgets.table import Table

_COLUMNS = (
    Column(key="key", title="KEY", width=8),
    Column(key="says", title="", width=40, least=20, flex=1),
)


class Choose(ModalScreen[str | None]):
    """Choices are (id, key or mark, words). Gives the id, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "close")]

    def __init__(self, title: str, choices: Sequence[tuple[str, str, str]], *, selected: str | None = None) -> None:
        super().__init__()
        self._choices = tuple(choices)
        self._title = title
        self._selected = selected

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog") as box:
            box.border_title = self._title
            yield Table(_COLUMNS, id="choices", empty="nothing to choose here")

    def on_mount(self) -> None:
        table = self.query_one(Table)
        table.set_rows(
            [
                Row(id=name, cells={"key": line(span(mark, "accent")), "says": line(says)})
                for name, mark, says in self._choices
            ]
        )
        table.select(self._selected)
        table.focus()

    @on(Table.Opened)
    def _chosen(self, event: Table.Opened) -> None:
        self.dismiss(event.row.id)
