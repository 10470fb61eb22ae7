"""A model card in lines of a given width: headings, wrapped paragraphs, tables whose cells wrap."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len

from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import EMPTY, Line, Span, fit, line, span, wrap
from quarterdeck.core.card import Block, Bullets, Card, Facts, Table, Text

_GAP = 2  # cells between two columns
_NAME = 24  # cells of the names of facts, at most


def card_lines(card: Card, width: int, symbols: Symbols) -> list[Line]:
    """Every line fits into `width` cells, 30 or more."""
    lines = [*wrap(line(span(card.title, "strong")), width), *wrap(line(span(card.as_of, "dim")), width)]
    for section in card.sections:
        lines += [EMPTY, line(span(section.title, "head")), line(span(symbols.rule * width, "dim"))]
        for index, block in enumerate(section.blocks):
            lines += [EMPTY] if index else []
            lines += _block(block, width, symbols)
    return lines


def _block(block: Block, width: int, symbols: Symbols) -> list[Line]:
    match block:
        case Text():
            return wrap(line(span(block.text)), width)
        case Bullets():
            mark = "* " if symbols.ascii else "• "
            return [part for item in block.items for part in wrap(line(span(mark, "dim"), span(item)), width, indent=2)]
        case Facts():
            return _facts(block, width)
        case Table():
            return _table(block, width, symbols)


def _facts(facts: Facts, width: int) -> list[Line]:
    wide = min(_NAME, max((cell_len(name) for name, _ in facts.pairs), default=0))
    lines = []
    for name, value in facts.pairs:
        left = wrap(line(span(name, "dim")), wide)
        right = wrap(line(span(value or "-")), max(1, width - wide - _GAP))
        lines += _beside([left, right], [wide, max(1, width - wide - _GAP)])
    return lines


def _table(table: Table, width: int, symbols: Symbols) -> list[Line]:
    widths = column_widths([table.columns, *table.rows], width)
    right = set(table.right)
    lines = _row([span(title, "dim") for title in table.columns], widths, right)
    for cells in table.rows:
        lines += _row([_cell(cell, symbols) for cell in cells], widths, right)
    return lines


def _cell(cell: str, symbols: Symbols) -> Span:
    """Verdicts are shown as everywhere, with their glyph and tone."""
    word = cell.lower()
    return span(cell, symbols.tone(word) if cell.isupper() and word in ("pass", "fail", "hold") else "")


def _row(cells: Sequence[Span], widths: Sequence[int], right: set[int]) -> list[Line]:
    columns = [wrap(line(cell), width) for cell, width in zip(cells, widths, strict=True)]
    return _beside(columns, widths, right)


def _beside(columns: Sequence[list[Line]], widths: Sequence[int], right: set[int] | None = None) -> list[Line]:
    """Columns of lines next to each other, each fitted to its width; nothing at the ends of lines."""
    lines = []
    for parts in zip_longest(*columns, fillvalue=EMPTY):
        spans: list[Span] = []
        for index, (part, width) in enumerate(zip(parts, widths, strict=True)):
            last = index == len(widths) - 1
            spans += part if last and index not in (right or ()) else fit(part, width, right=index in (right or ()))
            if not last:
                spans.append((" " * _GAP, ""))
        lines.append(tuple(spans))
    return lines


def column_widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """What each column gets of `width`: as much as it needs, the widest giving way first where there is too little."""
    wanted = [max(cell_len(cell) for cell in column) for column in zip(*rows, strict=True)]
    room = width - _GAP * (len(wanted) - 1)
    most = max(wanted, default=0)
    while most > 1 and sum(min(size, most) for size in wanted) > room:
        most -= 1
    widths = [min(size, most) for size in wanted]
    spare = room - sum(widths)
    for index, size in enumerate(wanted):
        if spare > 0 and size > widths[index]:
            widths[index] += 1
            spare -= 1
    return widths
