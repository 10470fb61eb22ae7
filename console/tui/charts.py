"""Numbers as pictures of characters: sparklines and bars. Curves are in curves.py."""

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


def _share(mark: float, least: float, most: float) -> float:
    return 0.5 if most <= least else (mark - least) / (most - least)


def place(value: float, least: float, most: float, width: int, symbols: Symbols) -> str:
    """Where a value lies between two others: a dot on a line of `width` cells. Under each other they are a
    curve.
    """
    return " " * round(max(0.0, min(1.0, _share(value, least, most))) * (width - 1)) + symbols.glyph("ok")
