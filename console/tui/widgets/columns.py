"""The columns of a table and its rows, as values; how columns share the width, and how rows are sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from quarterdeck.console.tui.text import EMPTY, Line, plain


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """`least` is the width it is of use at; `width` what it likes; `flex` takes what is left over.

    `drop` says how early it goes when the width is short: the greatest first, 0 never.
    """

    key: str
    title: str
    width: int
    least: int = 0
    flex: int = 0
    right: bool = False
    drop: int = 0
    tail: bool = False  # of what is too long the end is kept: a trend

    @property
    def minimum(self) -> int:
        return self.least or self.width


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row by its id: what its cells show, and what they are sorted by."""

    id: str
    cells: Mapping[str, Line]
    values: Mapping[str, Any] = field(default_factory=dict)

    def texts(self) -> dict[str, str]:
        """For filters, export and descriptions."""
        return {key: plain(parts).strip() for key, parts in self.cells.items()}

    def cell(self, key: str) -> Line:
        return self.cells.get(key, EMPTY)


def share(columns: Sequence[Column], width: int, gap: int = 1) -> list[tuple[Column, int]]:
    """The columns that fit, each with its width. They never need more than `width` with the gaps."""
    shown = list(columns)
    while len(shown) > 1 and sum(column.minimum + gap for column in shown) - gap > width:
        droppable = [column for column in shown if column.drop]
        if not droppable:
            break
        shown.remove(max(droppable, key=lambda column: column.drop))
    widths = {column.key: column.minimum for column in shown}
    left = width - sum(widths.values()) - gap * (len(shown) - 1)
    for column in shown:
        more = max(0, min(column.width - column.minimum, left))
        widths[column.key] += more
        left -= more
    return _shrink(shown, _stretch(shown, widths, left), width, gap)


def widened(columns: Sequence[Column], width: int, gap: int = 1) -> list[Column]:
    """The first column, then those that did not fit, then the others as far as there is room."""
    fitting = {column.key for column, _ in share(columns, width, gap)}
    hidden = [column for column in columns if column.key not in fitting]
    if not hidden:
        return list(columns)
    shown = [columns[0], *hidden]
    for column in columns[1:]:
        taken = sum(item.minimum + gap for item in shown)
        if column.key in fitting and taken + column.minimum <= width:
            shown.append(column)
    return [replace(column, drop=0) for column in shown]


def _stretch(shown: list[Column], widths: dict[str, int], left: int) -> dict[str, int]:
    total = sum(column.flex for column in shown)
    for column in shown:
        if total and left > 0:
            widths[column.key] += left * column.flex // total
    return widths


def _shrink(shown: list[Column], widths: dict[str, int], width: int, gap: int) -> list[tuple[Column, int]]:
    """A terminal too narrow for what may not be dropped: the rest is cut."""
    fitting: list[tuple[Column, int]] = []
    left = width
    for column in shown:
        own = max(0, min(widths[column.key], left))
        if own:
            fitting.append((column, own))
        left -= own + gap
    return fitting


def sort_rows(rows: Sequence[Row], key: str | None, reverse: bool) -> list[Row]:
    """By a column's values; what has none comes last either way, and equal rows keep their order."""
    if key is None:
        return list(rows)
    known = [row for row in rows if _value(row, key) is not None]
    rest = [row for row in rows if _value(row, key) is None]
    numbers = all(isinstance(_value(row, key), int | float) for row in known)
    known.sort(key=lambda row: _value(row, key) if numbers else str(_value(row, key)).lower(), reverse=reverse)
    return known + rest


def _value(row: Row, key: str) -> Any:
    return row.values.get(key, plain(row.cell(key)).strip() or None)
