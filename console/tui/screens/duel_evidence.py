"""The evidence over time, drawn on a logarithmic scale, with the level that decides always in sight."""

from __future__ import annotations

import math
from collections.abc import Sequence

from quarterdeck.console import formats
from quarterdeck.console.queries.values_duel import DuelPoint, DuelRow
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, Span, line, span

LABEL = 7  # of the scale, at the left
FEWEST = 4  # lines


def evidence_of(row: DuelRow) -> Span:
    """ "e 41 of 20": how strong the evidence is, of what decides."""
    if row.e_value is None or row.needed is None:
        return span("none yet", "dim")
    tone = "ok" if row.e_value >= row.needed else ""
    return span(f"e {short(row.e_value)} of {short(row.needed)}", tone)


def short(value: float) -> str:
    """An e-value in seven characters at most."""
    if value >= 1e6:
        digit, _, power = f"{value:.0e}".partition("e")
        return f"{digit}e{int(power)}"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def evidence_lines(row: DuelRow, path: Sequence[DuelPoint], width: int, room: int, symbols: Symbols) -> list[Line]:
    """A title, `room` lines of the picture at most (never fewer than four), and the labels below it.

    The level is a line of its own across the picture, over the columns too, however far above it the evidence is.
    """
    title = line(span("evidence over time  ", "dim"), evidence_of(row))
    if not path or row.needed is None:
        return [line(span("evidence over time  ", "dim"), span("none yet: it begins with enough labels", "dim"))]
    across = max(10, min(100, width - LABEL - 1))
    tall = max(FEWEST, min(10, room))
    values = _spread([math.log10(max(point.e_value, 1e-3)) for point in path], across)
    level = math.log10(row.needed)
    least, most = min(0.0, *values), max(level, *values)
    at = max(1, min(tall - 1, int((level - least) / (most - least) * tall)))  # from the ground; never the lowest line
    names = {0: short(10**least), tall - 1: short(10**most), at: short(row.needed)}
    lines = [title]
    for floor in range(tall - 1, -1, -1):
        name = span(f"{names.get(floor, ''):>{LABEL}} ", "accent" if floor == at else "dim")
        if floor == at:
            lines.append(line(name, *_crossed(values, floor, least, most, tall, symbols)))
        else:
            drawn = "".join(_cell(value, floor, least, most, tall, symbols) for value in values)
            lines.append(line(name, span(drawn, "info")))
    first, last = formats.count(int(path[0].n)), f"{formats.count(int(path[-1].n))} labels"
    gap = " " * max(1, across - len(first) - len(last))
    return [*lines, line(span(" " * (LABEL + 1) + first + gap + last, "dim"))]


def _crossed(values: Sequence[float], floor: int, least: float, most: float, tall: int, symbols: Symbols) -> list[Span]:
    """The level's line: a rule, and where the evidence has passed it, one that is double."""
    passed = "=" if symbols.ascii else "═"
    over = [_share(value, least, most) * tall >= floor + 1 for value in values]
    spans, start = [], 0
    for place in range(1, len(over) + 1):
        if place == len(over) or over[place] != over[start]:
            spans.append(span((passed if over[start] else symbols.rule) * (place - start), "accent"))
            start = place
    return spans


def _cell(value: float, floor: int, least: float, most: float, tall: int, symbols: Symbols) -> str:
    """The character of one column in the line whose lower edge is `floor` lines above the ground."""
    height = max(1 / 8, _share(value, least, most) * tall)  # the least value is still seen
    if height <= floor:
        return " "
    levels = symbols.spark
    return symbols.full if height >= floor + 1 else levels[min(len(levels) - 1, int((height - floor) * len(levels)))]


def _share(value: float, least: float, most: float) -> float:
    return 0.0 if most <= least else (value - least) / (most - least)


def _spread(values: list[float], width: int) -> list[float]:
    """The values on `width` places, repeated or thinned; the last is always there."""
    return [values[min(len(values) - 1, place * len(values) // width)] for place in range(width - 1)] + values[-1:]
