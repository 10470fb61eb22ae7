"""Numbers as pictures of characters: sparklines, bars and plots."""

from __future__ import annotations

import math
from collections.abc import Sequence

from quarterdeck.console.tui.symbols import Symbols

Values = Sequence[float | None]


def _finite(values: Values) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def sparkline(values: Values, width: int, symbols: Symbols, *, low: float | None = None) -> str:
    """The last `width` values, one character each; a missing one is blank. "" where there is no number at all.

    The levels run from the least to the greatest value shown (or from `low`); values that are all equal are drawn in
    the middle.
    """
    shown = list(values)[-width:]
    known = _finite(shown)
    if not known:
        return ""
    least, most = min(known) if low is None else min(low, *known), max(known)
    return "".join(_level(value, least, most, symbols) for value in shown)


def _level(value: float | None, least: float, most: float, symbols: Symbols) -> str:
    if value is None or not math.isfinite(value):
        return " "
    levels = symbols.spark
    if most <= least:
        return levels[len(levels) // 2 - 1]
    return levels[min(len(levels) - 1, int((value - least) / (most - least) * len(levels)))]


def bar(fraction: float, width: int, symbols: Symbols) -> str:
    """A bar that is full at 1; what is out of range is cut."""
    filled = round(max(0.0, min(1.0, fraction)) * width)
    return symbols.full * filled + symbols.empty * (width - filled)


def plot(values: Values, width: int, height: int, symbols: Symbols, *, mark: float | None = None) -> list[str]:
    """A line plot of `height` lines of `width` characters; `mark` is drawn as a level line if it is in range.

    With Braille a character holds 2 by 4 dots; without, one. The newest values are at the right.
    """
    across, down = (2, 4) if symbols.dots else (1, 1)
    shown = list(values)[-width * across :]
    known = _finite([*shown, mark])
    if not _finite(shown) or width <= 0 or height <= 0:
        return [" " * max(0, width)] * max(0, height)
    least, most = min(known), max(known)
    rows = height * down
    dots: set[tuple[int, int]] = set()
    places = [_row(value, least, most, rows) for value in shown]
    for index, place in enumerate(places):
        if place is not None:
            before = places[index - 1] if index else None
            dots |= {(index, y) for y in _between(before, place)}
    if mark is not None:
        level = _row(mark, least, most, rows) or 0
        dots |= {(x, level) for x in range(0, width * across, 3)}
    draw = _braille if symbols.dots else _stars
    return [draw(dots, width, y) for y in range(height)]


def _row(value: float | None, least: float, most: float, rows: int) -> int | None:
    """The dot's line, counted from the top."""
    if value is None or not math.isfinite(value):
        return None
    return rows // 2 if most <= least else round((most - value) / (most - least) * (rows - 1))


def _between(before: int | None, place: int) -> range:
    """The dots of a step: from beside the last value to this one."""
    if before is None or abs(before - place) <= 1:
        return range(place, place + 1)
    return range(before + 1, place + 1) if before < place else range(place, before)


_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def _braille(dots: set[tuple[int, int]], width: int, y: int) -> str:
    cells = []
    for x in range(width):
        bits = sum(_DOTS[i][j] for i in range(2) for j in range(4) if (2 * x + i, 4 * y + j) in dots)
        cells.append(chr(0x2800 + bits) if bits else " ")
    return "".join(cells)


def _stars(dots: set[tuple[int, int]], width: int, y: int) -> str:
    return "".join("*" if (x, y) in dots else " " for x in range(width))
