"""What the six views have in common: a question to the store, tables that are filled, and a place to come
back to.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from quarterdeck.console.queries.questions import Answer, Question
from quarterdeck.console.tui.history import Place, TablePlace
from quarterdeck.console.tui.subject import Subject
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.console.tui.widgets.columns import Row
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.console.tui.widgets.table import Table


class View(Container):
    """One of the screens 1 to 6. `HINTS` are ids of keys worth showing below, the most useful first."""

    NAME: ClassVar[str]
    HINTS: ClassVar[tuple[str, ...]] = ()

    class Visit(Message):
        """Go to another view, or to another place of this one."""

        def __init__(self, view: str, **scope: Any) -> None:
            super().__init__()
            self.view, self.scope = view, scope

    class Describe(Message):
        """Describe the selected row."""

    def __init__(self, symbols: Symbols) -> None:
        super().__init__(id=f"{self.NAME}-view")
        self.symbols = symbols

    # What each view says of itself

    def question(self) -> Question:
        """What it wants to know now."""
        raise NotImplementedError

    def fill(self, answer: Answer, now: datetime) -> None:
        """Show an answer to its question."""
        raise NotImplementedError

    def subject(self) -> Subject | None:
        """What is selected, for the actions."""
        raise NotImplementedError

    def opened(self, table: Table, row: Row) -> None:
        """Enter on a row."""

    def selected(self, table: Table) -> None:
        """The cursor moved; the question may be another now."""

    def show(self, **scope: Any) -> None:
        """Go to what a command or another view names."""

    def scope(self) -> dict[str, Any]:
        """What `show` was told, to come back to it."""
        return {}

    def out(self) -> bool:
        """One level up within the view; False if there is none."""
        return False

    # What they share

    def tables(self) -> list[Table]:
        return list(self.query(Table))

    def table(self, name: str) -> Table:
        return self.query_one(f"#{name}", Table)

    def lines(self, name: str) -> Lines:
        return self.query_one(f"#{name}", Lines)

    @property
    def active_table(self) -> Table:
        """The table in use: the focused one, else the first."""
        focused = self.screen.focused
        return focused if isinstance(focused, Table) and self in focused.ancestors else self.tables()[0]

    @property
    def active_pane(self) -> Widget:
        focused = self.screen.focused
        return focused if focused is not None and self in focused.ancestors else self.tables()[0]

    def focus_first(self) -> None:
        if not any(pane.has_focus for pane in self.query(Table)):
            self.tables()[0].focus()

    def describe(self) -> tuple[str, list[Line]]:
        """Title and lines about the selected row: every column, and what did not fit."""
        table = self.active_table
        row = table.current
        if row is None:
            return "Nothing selected", [line(table.says)]
        titles = {column.key: column.title.lower() for column in table.columns}
        width = max((len(title) for title in titles.values()), default=0)
        texts = row.texts()
        keys = [*titles, *(key for key in texts if key not in titles)]
        lines = [
            line(span(titles.get(key, key.replace("_", " ")).ljust(width + 2), "dim"), *row.cell(key))
            for key in keys
            if texts.get(key)
        ]
        return row.id, lines

    def place(self) -> Place:
        tables = {
            str(table.id): TablePlace(
                filter=table.filter.text,
                sort_key=table.sort_key,
                reverse=table.reverse,
                cursor_id=table.cursor_id,
            )
            for table in self.tables()
        }
        return Place(view=self.NAME, tables=tables, scope=self.scope(), focus=self.active_pane.id)

    def restore(self, place: Place) -> None:
        self.show(**place.scope)
        for table in self.tables():
            kept = place.tables.get(str(table.id))
            if kept is not None:
                table.set_filter(kept.filter)
                table.set_sort(kept.sort_key, kept.reverse)
                table.select(kept.cursor_id)
        if place.focus is not None:
            self.query_one(f"#{place.focus}").focus()

    def zoom(self, on: bool | None = None) -> bool:
        """Show the pane in use alone, or all again; gives whether it is zoomed now."""
        zoomed = not self.has_class("zoomed") if on is None else on
        for pane in self.query(".pane"):
            pane.remove_class("chosen")
        if zoomed:
            chosen = self.active_pane
            chosen.add_class("chosen")
            for around in chosen.ancestors[: chosen.ancestors.index(self)]:
                around.add_class("chosen")
        self.set_class(zoomed, "zoomed")
        return zoomed
