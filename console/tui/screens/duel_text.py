"""A duel in lines: both columns, the difference with its interval, the evidence over time, the verdict."""

from __future__ import annotations

import math

from quarterdeck.console import formats
from quarterdeck.console.queries.values import Compared, DuelDetail, DuelRow
from quarterdeck.console.tui.charts import bar, plot, sparkline
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, Span, fit, line, span

_NAME = 24  # the longest metric's name, and a space
_CELL = 11
_DELTA = 8


def evidence_of(row: DuelRow) -> Span:
    """ "e 41 of 20": how strong the evidence is, of what decides."""
    if row.e_value is None or row.needed is None:
        return span("none yet", "dim")
    tone = "ok" if row.e_value >= row.needed else ""
    return span(f"e {_short(row.e_value)} of {_short(row.needed)}", tone)


def _short(value: float) -> str:
    if value >= 1e6:
        return f"1e{int(math.log10(value))}"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def duel_lines(detail: DuelDetail, width: int, height: int, symbols: Symbols) -> list[Line]:
    """`width` and `height` are of the pane: with room to spare the evidence is drawn larger."""
    row = detail.row
    lines = [_head(row)]
    lines += [_compared(item) for item in detail.compared if item.live]
    offline = [item for item in detail.compared if not item.live]
    if offline:
        lines.append(line(span("each on its own holdout of training: other rows, so no difference", "dim")))
        lines += [_compared(item) for item in offline]
    lines.append(line(""))
    tail = _verdict(detail, symbols)
    room = height - len(lines) - len(tail)
    lines += _evidence(detail, width, room, symbols)
    return lines + tail


def _head(row: DuelRow) -> Line:
    return line(
        span("on the same rows".ljust(_NAME), "dim"),
        span(f"CHAMPION {row.champion}".rjust(_CELL), "accent"),
        span(f"CHALLENGER {row.challenger}".rjust(_CELL + 2), "info"),
        span("DELTA".rjust(_DELTA), "dim"),
        span(f"  {_confidence(row)}INTERVAL", "dim"),
    )


def _confidence(row: DuelRow) -> str:
    """1 - alpha; what decides is 1 / alpha."""
    return f"{1 - 1 / row.needed:.0%} " if row.needed else ""


def _compared(item: Compared) -> Line:
    difference = item.difference
    tone = "dim"
    if difference:
        tone = "ok" if (difference < 0) == item.lower_is_better else "warn"
    interval = ""
    if item.low is not None and item.high is not None:
        interval = f"  {formats.signed(item.low)} .. {formats.signed(item.high)}"
    return line(
        *fit(line(span(item.name)), _NAME - 1, ellipsis="~"),
        " ",
        span(formats.number(item.champion).rjust(_CELL)),
        span(formats.number(item.challenger).rjust(_CELL + 2)),
        span(formats.signed(difference).rjust(_DELTA), tone),
        span(interval),
    )


def _evidence(detail: DuelDetail, width: int, room: int, symbols: Symbols) -> list[Line]:
    """The logarithm of the e-value against the labels; the level that decides is drawn with it."""
    row = detail.row
    title = span("evidence over time".ljust(_NAME), "dim")
    if not detail.path or row.needed is None:
        return [line(title, span("none yet: it begins with the first labels", "dim"))]
    values = [math.log(max(point.e_value, 1e-3)) for point in detail.path]
    if room < 6:
        picture = sparkline(values, min(40, width - _NAME - 30), symbols)
        return [
            line(
                title,
                span(picture, "info"),
                " ",
                evidence_of(row),
                span(f"  n={formats.count(row.n)}", "dim"),
            )
        ]
    tall = min(10, room - 1)
    across = max(10, min(100, width - _NAME - 2))
    drawn = plot(_spread(values, across), across, tall, symbols, mark=math.log(row.needed))
    lines = [line(title, evidence_of(row), span(f"  n={formats.count(row.n)}, the level line decides", "dim"))]
    return lines + [line(span(" " * _NAME), span(text, "info")) for text in drawn]


def _spread(values: list[float], width: int) -> list[float]:
    """The values on `width` places, repeated or thinned."""
    return [values[min(len(values) - 1, place * len(values) // width)] for place in range(width)]


def _verdict(detail: DuelDetail, symbols: Symbols) -> list[Line]:
    row = detail.row
    gates = f"{detail.gates_passed} of {detail.gates} gates" if detail.gates else "no gates"
    share = 0.0
    if row.e_value and row.needed:
        share = max(0.0, math.log(max(row.e_value, 1.0)) / math.log(row.needed))
    lines = [
        line(
            span("towards a decision".ljust(_NAME), "dim"),
            span(bar(share, 20, symbols), symbols.tone(row.decision.value)),
            span(f"  always-valid p {_p(detail.p_value)}", "dim"),
        ),
        line(
            span("verdict".ljust(_NAME), "dim"),
            span(
                f"{symbols.glyph(row.decision.value)} {row.decision.value.upper()}",
                symbols.tone(row.decision.value),
            ),
            span(f"  {gates}", "dim"),
            span("" if row.running else "  ended", "dim"),
        ),
    ]
    lines += [line(span(" " * _NAME), reason) for reason in detail.reasons]
    if detail.rows_needed:
        lines.append(
            line(
                span(" " * _NAME),
                span(f"about {formats.count(detail.rows_needed)} more labels at this difference", "dim"),
            )
        )
    return lines


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
