"""Rows with a cursor that is bound to a row's id: it stays on its row when rows come, go or are sorted.

Drawing is by line: a change of one cell sends that line and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from quarterdeck.console.tui.filters import Filter, parse_filter
from quarterdeck.console.tui.keymap import MOVES, bindings
from quarterdeck.console.tui.text import Line, fit, line, span
from quarterdeck.console.tui.widgets.columns import Column, Row, share, sort_rows, widened
from quarterdeck.console.tui.widgets.marks import Marks
from quarterdeck.console.tui.widgets.toned import Toned

_MOVES = tuple(key for key in MOVES if key.action != "app.focus_next")


MARK = "+"
READING = "reading the store ..."


class Table(Toned, ScrollView, can_focus=True):
    """`empty` is what an empty table says: what to do next."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--head", "table--cursor", "table--cursor-blurred"}
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_MOVES)]

    class Selected(Message):
        """The cursor came to stand on another row, or the row changed under it."""

        def __init__(self, table: Table) -> None:
            super().__init__()
            self.table = table

    class Opened(Message):
        """Enter, or a click on the row under the cursor."""

        def __init__(self, table: Table, row: Row) -> None:
            super().__init__()
            self.table = table
            self.row = row

    def __init__(self, columns: Sequence[Column], *, id: str, empty: str = "", follows_top: bool = False) -> None:
        """`follows_top`: until a person walks through it, the cursor stays at the top, not on its row."""
        super().__init__(id=id)
        self.follows_top = follows_top
        self.columns = tuple(columns)
        self.empty = empty
        self.filter = Filter()
        self.sort_key: str | None = None
        self.reverse = False
        self.all_rows: tuple[Row, ...] = ()
        self.rows: list[Row] = []
        self.cursor_id: str | None = None
        self.marks = Marks()
        self.wide = False  # the columns that did not fit come first
        self._painted: list[object] = []
        self._filled = False

    # What it shows

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these; the cursor stays on its row, or goes to the one that took its place."""
        found = tuple(rows)
        if not self._filled:
            self._filled = True
            self._repaint()
        if found != self.all_rows or (self.cursor_id is None and found):
            self.all_rows = found
            self.marks.keep({row.id for row in found})
            self._arrange()

    def set_filter(self, text: str) -> None:
        self.filter = parse_filter(text)
        self._arrange()

    def set_sort(self, key: str | None, reverse: bool = False) -> None:
        self.sort_key, self.reverse = key, reverse
        self._arrange()

    def set_title(self, title: str) -> None:
        if self.border_title != title:
            self.border_title = title

    def set_empty(self, text: str) -> None:
        if text != self.empty:
            self.empty = text
            self._repaint()

    @property
    def current(self) -> Row | None:
        return next((row for row in self.rows if row.id == self.cursor_id), None)

    def select(self, row_id: str | None) -> None:
        """Put the cursor on a row, now or as soon as it is there."""
        if row_id != self.cursor_id and row_id is not None:
            self.cursor_id = row_id
            self.marks.stretch([row.id for row in self.rows], row_id)
            self._keep_in_sight()
            self._repaint()
            self.post_message(self.Selected(self))

    def _arrange(self) -> None:
        before, index = self.current, self._index()
        self.rows = sort_rows(self._kept(), self.sort_key, self.reverse)
        if self.rows and self.follows_top and index == 0 and not self.has_focus:
            self.cursor_id = self.rows[0].id  # a list of news that nobody walks through shows the newest
        elif self.current is None and self.rows:
            self.cursor_id = self.rows[min(index, len(self.rows) - 1)].id
        wanted = Size(self._width, max(1, len(self.rows)) + 1)
        if self.virtual_size != wanted:
            self.virtual_size = wanted
        self._keep_in_sight()
        self._repaint()
        if self.current != before:
            self.post_message(self.Selected(self))

    def _kept(self) -> Sequence[Row]:
        """The rows that the filter shows; a column is found by its key and by its title."""
        if not self.filter.terms:
            return self.all_rows
        titles = {column.title.lower(): column.key for column in self.columns if column.title}
        kept = []
        for row in self.all_rows:
            texts = row.texts()
            named = {title: texts.get(key, "") for title, key in titles.items()}
            if self.filter.holds(named | texts):
                kept.append(row)
        return kept

    def _index(self) -> int:
        return next((index for index, row in enumerate(self.rows) if row.id == self.cursor_id), 0)

    # Drawing

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def _line_state(self, y: int) -> object:
        """All that the picture of a line depends on, but for the width."""
        if y == 0:
            return self.sort_key, self.reverse, self.wide
        index = self.scroll_offset.y + y - 1
        if not self.rows:
            return self.says if y == 1 else None
        if index >= len(self.rows):
            return None
        row = self.rows[index]
        return row, row.id == self.cursor_id, row.id in self.marks, self.wide

    def _repaint(self) -> None:
        """Draw the lines that differ from what was drawn last."""
        state = [self._line_state(y) for y in range(self.size.height)]
        for y, (old, new) in enumerate(zip(self._painted, state, strict=False)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))
        if len(state) != len(self._painted):
            self.refresh()
        self._painted = state

    def on_resize(self) -> None:
        self.virtual_size = Size(self._width, max(1, len(self.rows)) + 1)
        self._keep_in_sight()
        self._painted = [self._line_state(y) for y in range(self.size.height)]
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._painted = [self._line_state(y) for y in range(self.size.height)]

    def render_line(self, y: int) -> Strip:
        width = self._width
        if y == 0:
            return self.strip_of(self._head(width), width, self.get_component_rich_style("table--head", partial=True))
        if not self.rows:
            return self.strip_of(line("  ", span(self.says, "dim")) if y == 1 else (), width)
        index = self.scroll_offset.y + y - 1
        if index >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        row = self.rows[index]
        marked = row.id in self.marks
        if row.id != self.cursor_id:
            return self.strip_of(self._body(row, width, MARK if marked else " "), width)
        name = "table--cursor" if self.has_focus else "table--cursor-blurred"
        return self.strip_of(
            self._body(row, width, MARK if marked else ">"), width, self.get_component_rich_style(name, partial=True)
        )

    @property
    def says(self) -> str:
        """What stands where a row would."""
        if not self._filled:
            return READING  # that there is nothing is not known yet
        return f"nothing matches {self.filter.text!r}: esc clears the filter" if self.filter.terms else self.empty

    def _head(self, width: int) -> Line:
        parts = [(" ", "")]
        for column, own in self._shared(width - 1):
            mark = ("^" if not self.reverse else "v") if column.key == self.sort_key else ""
            parts += [*fit(((f"{column.title}{mark}", ""),), own, right=column.right), (" ", "")]
        return tuple(parts[:-1])

    def _shared(self, width: int) -> list[tuple[Column, int]]:
        return share(widened(self.columns, width) if self.wide else self.columns, width)

    def _body(self, row: Row, width: int, mark: str) -> Line:
        parts = [(mark, "accent")]
        for column, own in self._shared(width - 1):
            cell = row.cell(column.key)
            if column.tail:
                cell = tuple((text[-own:], tone) for text, tone in cell)
            parts += [*fit(cell, own, right=column.right), (" ", "")]
        return tuple(parts[:-1])

    # Moving

    def _keep_in_sight(self) -> None:
        height = self.size.height - 1
        if height <= 0 or not self.rows:
            return
        index, top = self._index(), self.scroll_offset.y
        if index < top:
            self.scroll_to(y=index, animate=False, force=True)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False, force=True)

    def _move_to(self, index: int) -> None:
        if self.rows:
            self.select(self.rows[max(0, min(index, len(self.rows) - 1))].id)

    def action_down(self) -> None:
        self._move_to(self._index() + 1)

    def action_up(self) -> None:
        self._move_to(self._index() - 1)

    def action_first(self) -> None:
        self._move_to(0)

    def action_final(self) -> None:
        self._move_to(len(self.rows) - 1)

    def action_page_down(self) -> None:
        self._move_to(self._index() + max(1, self.size.height - 2))

    def action_page_up(self) -> None:
        self._move_to(self._index() - max(1, self.size.height - 2))

    def action_wide(self) -> None:
        self.wide = not self.wide
        self._repaint()

    def action_mark(self) -> None:
        if self.cursor_id is not None and self.rows:
            self.marks.turn(self.cursor_id)
            self.action_down()
            self._marked()

    def action_mark_range(self) -> None:
        if self.cursor_id is not None and self.rows:
            self.marks.begin_or_end(self.cursor_id)
            self._marked()

    def action_mark_all(self) -> None:
        self.marks.add(row.id for row in self.rows)
        self._marked()

    def unmark(self) -> bool:
        """Take every mark back; False where there was none."""
        some = self.marks.clear()
        self._marked()
        return some

    def _marked(self) -> None:
        self._repaint()
        self.post_message(self.Selected(self))

    def action_open(self) -> None:
        if (row := self.current) is not None:
            self.post_message(self.Opened(self, row))

    def on_click(self, event: events.Click) -> None:
        index = self.scroll_offset.y + event.get_content_offset_capture(self).y - 1
        if 0 <= index < len(self.rows):
            chosen = self.rows[index].id
            if chosen == self.cursor_id and event.chain > 1:
                self.action_open()
            self.select(chosen)

    def _on_focus_change(self) -> None:
        index = self._index() - self.scroll_offset.y + 1
        self.refresh(Region(0, index, self.size.width, 1))

    def on_focus(self) -> None:
        self._on_focus_change()

    def on_blur(self) -> None:
        self._on_focus_change()
