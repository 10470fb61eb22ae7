"""A duel in lines: the verdict with its reasons, the evidence over time, and what both measure."""

from __future__ import annotations

from quarterdeck.console import formats
from quarterdeck.console.queries.values_duel import Compared, DuelDetail, DuelRow
from quarterdeck.console.tui.screens.duel_evidence import FEWEST, evidence_lines
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, fit, line, span
from quarterdeck.core.duel import KpiResult, Mode, Side, SliceResult, Standing

_NAME = 24  # the longest metric's name, and a space
_CHAMPION, _CHALLENGER, _DELTA = 8, 9, 9
_LABEL = 9
_FIGURES = 6  # lines of figures that are still in sight below the evidence
_MODES = {Mode.PAIRED: "paired", Mode.AB: "A/B"}


def duel_lines(detail: DuelDetail, width: int, height: int, symbols: Symbols) -> list[Line]:
    """All of it under each other, for one narrow pane."""
    top = verdict_lines(detail, symbols)
    room = min(FEWEST + 1, height - len(top) - _FIGURES)
    return [*top, *evidence_lines(detail.row, detail.path, width, room, symbols), *figure_lines(detail)]


def decision_lines(detail: DuelDetail, width: int, height: int, symbols: Symbols) -> list[Line]:
    """The verdict and the evidence, for the left of two panes."""
    top = verdict_lines(detail, symbols)
    drawn = evidence_lines(detail.row, detail.path, width, height - len(top) - 4, symbols)
    return [*top, line(""), *drawn]


def verdict_lines(detail: DuelDetail, symbols: Symbols) -> list[Line]:
    """The decision, every reason, and where the rollout stands."""
    row, word = detail.row, detail.row.decision.value
    lines = [
        line(
            span("verdict".ljust(_LABEL), "dim"),
            span(f"{symbols.glyph(word)} {word.upper()}", symbols.tone(word)),
            span(f"  {formats.count(row.n)} labels, {_MODES[detail.mode]}", "dim"),
            span("" if row.running else "  ended", "dim"),
        )
    ]
    lines += [line("  ", span(text, "warn" if text.startswith("warning") else "")) for text in detail.reasons]
    if detail.rows_needed:
        lines.append(
            line("  ", span(f"about {formats.count(detail.rows_needed)} more labels at this difference", "dim"))
        )
    gates = f"{detail.gates_passed} of {detail.gates} passed" if detail.gates else "none"
    lines.append(line(span("gates".ljust(_LABEL), "dim"), gates, span(f"  always-valid p {_p(detail.p_value)}", "dim")))
    if detail.rollout:
        lines.append(line(span("rollout".ljust(_LABEL), "dim"), detail.rollout))
    return lines


def figure_lines(detail: DuelDetail) -> list[Line]:
    """Metrics, KPIs, latency and slices, in the same columns."""
    live = [item for item in detail.compared if item.live]
    offline = [item for item in detail.compared if not item.live]
    lines = [_head(detail), *(_compared(item) for item in live)]
    if detail.kpis:
        lines.append(_title("KPIs"))
        lines += [part for kpi in detail.kpis for part in _kpi(kpi)]
    if detail.champion_side is not None and detail.challenger_side is not None:
        lines += _sides(detail.champion_side, detail.challenger_side)
    lines += _slices(detail)
    if offline:
        lines.append(_title("each on its own holdout of training: other rows, so no difference"))
        lines += [_compared(item) for item in offline]
    return lines


def _title(text: str) -> Line:
    return line(span(text, "dim"))


def _head(detail: DuelDetail) -> Line:
    where = "on the same rows" if detail.mode is Mode.PAIRED else "each on its own rows"
    return line(
        span(where.ljust(_NAME), "dim"),
        span("CHAMP".rjust(_CHAMPION), "accent"),
        span("CHAL".rjust(_CHALLENGER), "info"),
        span("DELTA".rjust(_DELTA), "dim"),
        span(f"  {_confidence(detail.row)}INTERVAL", "dim"),
    )


def _confidence(row: DuelRow) -> str:
    """1 - alpha; what decides is 1 / alpha."""
    return f"{1 - 1 / row.needed:.0%} " if row.needed else ""


def _figures(
    name: str,
    champion: str,
    challenger: str,
    delta: str,
    tone: str,
    interval: tuple[float, float] | None,
    word: str = "",
) -> Line:
    between = "" if interval is None else f"{formats.signed(interval[0])} .. {formats.signed(interval[1])}"
    return line(
        *fit(line(span(name)), _NAME - 1, ellipsis="~"),
        " ",
        span(champion.rjust(_CHAMPION)),
        span(challenger.rjust(_CHALLENGER)),
        span(delta.rjust(_DELTA), tone),
        span(f"  {between:<18}".rstrip() if not word else f"  {between:<18}"),
        span(f" {word}" if word else "", tone),
    )


def _compared(item: Compared) -> Line:
    tone = "dim"
    if item.difference:
        tone = "ok" if (item.difference < 0) == item.lower_is_better else "warn"
    interval = None if item.low is None or item.high is None else (item.low, item.high)
    numbers = (formats.number(item.champion), formats.number(item.challenger))
    return _figures(item.name, *numbers, formats.signed(item.difference), tone, interval)


_TONES = {Standing.BETTER: "ok", Standing.WORSE: "bad", Standing.UNCLEAR: "dim"}


def _word(standing: Standing) -> str:
    """Only what is clear is said; an interval that holds 0 says the rest."""
    return "" if standing is Standing.UNCLEAR else standing.value


def _kpi(kpi: KpiResult) -> list[Line]:
    numbers = (formats.number(kpi.champion), formats.number(kpi.challenger), formats.signed(kpi.difference))
    lines = [_figures(f"  {kpi.name}", *numbers, _TONES[kpi.standing], kpi.interval, _word(kpi.standing))]
    if kpi.problem is not None:
        lines.append(line("    ", span(kpi.problem, "warn")))
    return lines


def _sides(champion: Side, challenger: Side) -> list[Line]:
    rows = [_figures("labelled rows", formats.count(champion.n), formats.count(challenger.n), "", "", None)]
    for name, ours, theirs in (
        ("latency p50", champion.p50_ms, challenger.p50_ms),
        ("latency p99", champion.p99_ms, challenger.p99_ms),
    ):
        delta = "" if ours is None or theirs is None else f"{'-' if theirs < ours else '+'}{_ms(abs(theirs - ours))}"
        rows.append(_figures(name, _ms(ours), _ms(theirs), delta, "dim", None))
    return rows


def _ms(value: float | None) -> str:
    """Two digits more than elsewhere: two models on one machine are apart by fractions of a millisecond."""
    return f"{value:.2f}ms" if value is not None and value < 1 else formats.milliseconds(value)


def _slices(detail: DuelDetail) -> list[Line]:
    if not detail.slices:
        return []
    shown = f"{len(detail.slices)} of {detail.slices_looked}"
    if len(detail.slices) == detail.slices_looked:
        shown = f"all {detail.slices_looked}"
    title = _title(f"loss in slices, worst first; {shown}, corrected for that number")
    return [title, *(_slice(item) for item in detail.slices)]


def _slice(item: SliceResult) -> Line:
    rows = f"n={formats.count(item.n)}"
    delta = formats.signed(item.difference)
    return _figures(f"  {item.name}", rows, "", delta, _TONES[item.standing], item.interval, _word(item.standing))


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
