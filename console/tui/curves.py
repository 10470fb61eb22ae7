"""Curves in braille, two by four dots a cell, with a band between two levels; in ASCII one mark a column.

Unicode 1.1 and later: U+2800 and the dots' bits, as ISO/TR 11548-1 numbers them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, line, span

# the bit of each dot, by its row from the top and its column
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800

Values = Sequence[float | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """Values from left to right; a missing one leaves a gap. `mark` is its sign where there is no braille."""

    values: Values
    tone: str
    mark: str = "*"
    joined: bool = True  # False: dots alone, for what is less sure


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """What the lowest and the highest line stand for."""

    low: float
    high: float

    def place(self, value: float, steps: int) -> int:
        """Which of so many steps from the top a value lies in; the middle where there is nothing to tell apart."""
        if self.high <= self.low:
            return (steps - 1) // 2
        share = (value - self.low) / (self.high - self.low)
        return min(steps - 1, max(0, round((1 - share) * (steps - 1))))


def scale_of(curves: Sequence[Curve], band: tuple[float | None, float | None] = (None, None)) -> Scale | None:
    """From the least to the greatest of all that is drawn; None where there is no number at all."""
    known = [value for curve in curves for value in _finite(curve.values)]
    if not known:
        return None
    known += _finite(band)
    return Scale(low=min(known), high=max(known))


def curves(
    drawn: Sequence[Curve],
    width: int,
    height: int,
    symbols: Symbols,
    *,
    band: tuple[float | None, float | None] = (None, None),
) -> list[Line]:
    """`height` lines of `width` cells. The curves share the width; of two in one cell the first's tone counts.

    `band` are the levels between which a value is as it should be; either may be missing. They are drawn as level
    lines under the curves.
    """
    scale = scale_of(drawn, band)
    if scale is None or width <= 0 or height <= 0:
        return [line("")] * max(0, height)
    levels = {scale.place(level, height) for level in _finite(band)}
    cells = _plain(drawn, scale, width, height) if symbols.ascii else _braille(drawn, scale, width, height)
    return [_line(cells[row], row in levels, symbols) for row in range(height)]


def _line(cells: list[tuple[str, str]], level: bool, symbols: Symbols) -> Line:
    under = (symbols.rule, "dim") if level else (" ", "")
    return line(*(span(*(cell if cell[0] != " " else under)) for cell in cells))


def _braille(drawn: Sequence[Curve], scale: Scale, width: int, height: int) -> list[list[tuple[str, str]]]:
    bits = [[0] * width for _ in range(height)]
    tones = [[""] * width for _ in range(height)]
    for curve in drawn:
        for across, down in _path(curve, scale, 2 * width, 4 * height):
            row, column = down // 4, across // 2
            bits[row][column] |= _DOTS[down % 4][across % 2]
            tones[row][column] = tones[row][column] or curve.tone
    return [
        [(chr(_BLANK + found) if found else " ", tone) for found, tone in zip(row, row_tones, strict=True)]
        for row, row_tones in zip(bits, tones, strict=True)
    ]


def _plain(drawn: Sequence[Curve], scale: Scale, width: int, height: int) -> list[list[tuple[str, str]]]:
    cells = [[(" ", "")] * width for _ in range(height)]
    for curve in reversed(drawn):
        for across, down in _path(curve, scale, width, height):
            cells[down][across] = (curve.mark, curve.tone)
    return cells


def _path(curve: Curve, scale: Scale, across: int, down: int) -> list[tuple[int, int]]:
    """The dots of a curve: its values and, where they are joined, the way from each to the next; none over a gap."""
    values = curve.values
    places = [
        (round(index * (across - 1) / max(1, len(values) - 1)), scale.place(value, down))
        for index, value in enumerate(values)
        if value is not None and math.isfinite(value)
    ]
    known = [index for index, value in enumerate(values) if value is not None and math.isfinite(value)]
    dots = list(places)
    for index in range(1, len(places)):
        if curve.joined and known[index] - known[index - 1] == 1:
            dots += _way(places[index - 1], places[index])
    return dots


def _way(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """The dots of a straight line between two."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    return [
        (round(start[0] + (end[0] - start[0]) * n / steps), round(start[1] + (end[1] - start[1]) * n / steps))
        for n in range(1, steps)
    ]


def _finite(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]
