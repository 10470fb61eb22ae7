"""Numbers as pictures of characters: sparklines, bars and plots."""

from __future__ import annotations

import math
from collections.abc import Sequence

from quarterdeck.console.tui.symbols import Symbols

Values = Sequence[float | None]


def _finite(values: Values) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]


def sparkline(
    values: Values, width: int, symbols: Symbols, *, low: float | None = None, high: float | None = None
) -> str:
    """The last `width` values, one character each; a missing one is blank. "" where there is no number at
    all.

    The levels run from the least to the greatest value shown, or at least from `low` and to `high`; values
    that are all equal are drawn in the middle.
    """
    shown = list(values)[-width:]
    known = _finite(shown)
    if not known:
        return ""
    least = min(known) if low is None else min(low, *known)
    most = max(known) if high is None else max(high, *known)
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
    """An area plot of `height` lines of `width` characters, one value a column, the newest at the right.

    The scale runs from the least to the greatest of the values and `mark`, which is drawn as a level line
    where the area does not cover it. Missing values leave a gap; no value at all leaves the plot blank.
    """
    shown = list(values)[-width:] if width > 0 else []
    if not _finite(shown) or height <= 0:
        return [" " * max(0, width)] * max(0, height)
    known = _finite([*shown, mark])
    least, most = min(known), max(known)
    heights = [_height(value, least, most, height) for value in shown]
    level = None if mark is None else height - 1 - min(height - 1, int(_share(mark, least, most) * height))
    return ["".join(_cell(tall, height - 1 - y, y == level, symbols) for tall in heights) for y in range(height)]


def _share(value: float, least: float, most: float) -> float:
    return 0.5 if most <= least else (value - least) / (most - least)


def _height(value: float | None, least: float, most: float, height: int) -> float | None:
    """In lines; the least value is still seen."""
    if value is None or not math.isfinite(value):
        return None
    return max(1 / 8, _share(value, least, most) * height)


def _cell(tall: float | None, floor: int, marked: bool, symbols: Symbols) -> str:
    """The character of one column in the line whose lower edge is `floor` lines above the ground."""
    empty = symbols.rule if marked else " "
    if tall is None or tall <= floor:
        return empty
    if tall >= floor + 1:
        return symbols.full
    levels = symbols.spark
    return levels[min(len(levels) - 1, int((tall - floor) * len(levels)))]


def place(value: float, least: float, most: float, width: int, symbols: Symbols) -> str:
    """Where a value lies between two others: a dot on a line of `width` cells. Under each other they are a
    curve.
    """
    return " " * round(max(0.0, min(1.0, _share(value, least, most))) * (width - 1)) + symbols.glyph("ok")
