"""Plots as SVG inside the page: no script, no other file; colours are the page's own, so they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from quarterdeck.console.formats import number
from quarterdeck.console.report.html import Html, joined, tag

WIDTH, HEIGHT = 720, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One line of a plot; a gap where a value is None. `low` and `high` draw a band around it."""

    name: str
    tone: str  # a class of the page's style: one, two, ...
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


def lines(labels: Sequence[str], series: Sequence[Series], *, title: str) -> Html:
    """Values over time; `labels` name the places, and the first and the last are shown."""
    every = (value for item in series for part in (item.values, item.low, item.high) for value in part)
    known = [value for value in every if value is not None and math.isfinite(value)]
    if not known or not labels:
        return Html("")
    least, most = _range(known)
    parts: list[Html] = _frame(labels, least, most)
    for item in series:
        parts.append(_band(item, len(labels), least, most))
        parts.append(_line(item, len(labels), least, most))
    return joined([_svg(title, parts), _legend([(item.name, item.tone) for item in series])])


def bars(labels: Sequence[str], values: Sequence[float], *, title: str, tones: Sequence[str] = ()) -> Html:
    """A bar for each place, from 0."""
    if not values:
        return Html("")
    most = max([*values, 1.0])
    width = (WIDTH - _LEFT - _RIGHT) / len(values)
    drawn = [
        _bar(_LEFT + at * width, width * 0.85, value / most, tones[at] if tones else "one", f"{labels[at]}: {value:g}")
        for at, value in enumerate(values)
    ]
    return _svg(title, [*_frame(labels, 0.0, most), *drawn])


def pair(names: Sequence[str], first: Sequence[float], second: Sequence[float], *, title: str) -> Html:
    """Two distributions over the same bins, side by side; shares from 0 to 1."""
    most = max([*first, *second, 1e-9])
    width = (WIDTH - _LEFT - _RIGHT) / max(len(names), 1)
    drawn = []
    for at, name in enumerate(names):
        left = _LEFT + at * width
        drawn.append(_bar(left + width * 0.06, width * 0.42, first[at] / most, "one", f"{name}: {first[at]:.1%}"))
        drawn.append(_bar(left + width * 0.5, width * 0.42, second[at] / most, "two", f"{name}: {second[at]:.1%}"))
    return _svg(title, [*_frame(names, 0.0, most, percent=True), *drawn])


def _bar(x: float, width: float, share: float, tone: str, says: str) -> Html:
    height = (HEIGHT - _TOP - _BOTTOM) * min(max(share, 0.0), 1.0)
    y = HEIGHT - _BOTTOM - height
    return tag(
        "rect", tag("title", says), x=_at(x), y=_at(y), width=_at(max(width, 0.5)), height=_at(height), class_=tone
    )


def _line(item: Series, places: int, least: float, most: float) -> Html:
    """A stroke for each run of values, and a dot for each value."""
    runs: list[list[str]] = [[]]
    dots = []
    for at, value in enumerate(item.values):
        if not _is_number(value):
            runs.append([])
            continue
        x, y = _x(at, places), _y(value, least, most)
        runs[-1].append(f"{_at(x)},{_at(y)}")
        dots.append(tag("circle", cx=_at(x), cy=_at(y), r="2.5", class_=item.tone))
    strokes = [tag("polyline", points=" ".join(run), class_=f"line {item.tone}") for run in runs if len(run) > 1]
    return joined([*strokes, *dots])


def _band(item: Series, places: int, least: float, most: float) -> Html:
    both = [(at, a, b) for at, (a, b) in enumerate(zip(item.low, item.high, strict=False)) if _both(a, b)]
    if len(both) < 2:
        return Html("")
    over = [f"{_at(_x(at, places))},{_at(_y(high, least, most))}" for at, _, high in both]
    under = [f"{_at(_x(at, places))},{_at(_y(low, least, most))}" for at, low, _ in reversed(both)]
    return tag("polygon", points=" ".join(over + under), class_=f"band {item.tone}")


def _both(low: float | None, high: float | None) -> bool:
    return _is_number(low) and _is_number(high)


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _frame(labels: Sequence[str], least: float, most: float, *, percent: bool = False) -> list[Html]:
    base = HEIGHT - _BOTTOM
    axis = tag("line", x1=_at(_LEFT), x2=_at(WIDTH - _RIGHT), y1=_at(base), y2=_at(base), class_="axis")
    scale = [
        tag("text", f"{value:.0%}" if percent else number(value), x=_at(_LEFT - 6), y=_at(y), class_="scale")
        for value, y in ((most, _TOP + 8), (least, base))
    ]
    ends = [tag("text", labels[0], x=_at(_LEFT), y=_at(HEIGHT - 10), class_="place")]
    if len(labels) > 1:
        ends.append(tag("text", labels[-1], x=_at(WIDTH - _RIGHT), y=_at(HEIGHT - 10), class_="place last"))
    return [axis, *scale, *ends]


def _svg(title: str, parts: Sequence[Html]) -> Html:
    return tag(
        "svg", tag("title", title), *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=title,
        preserveAspectRatio="xMinYMin meet",
    )  # fmt: skip


def _legend(items: Sequence[tuple[str, str]]) -> Html:
    return tag("p", *(tag("span", name, class_=f"key {tone}") for name, tone in items), class_="legend")


def _range(values: Sequence[float]) -> tuple[float, float]:
    least, most = min(values), max(values)
    room = (most - least) * 0.08 or max(abs(most) * 0.1, 1e-6)
    return least - room, most + room


def _x(at: int, places: int) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (at / (places - 1) if places > 1 else 0.5)


def _y(value: float | None, least: float, most: float) -> float:
    assert value is not None
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - (value - least) / (most - least))


def _at(value: float) -> str:
    return f"{value:.1f}"
