"""One version in words: gates, metrics beside the champion's, signature, lineage, run and cause, history."""

from __future__ import annotations

from datetime import datetime

from quarterdeck.console import formats
from quarterdeck.console.queries.values import MetricRow, VersionDetail
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, Span, line, span
from quarterdeck.core.gates import GateResult
from quarterdeck.core.metrics.families import METRICS
from quarterdeck.core.values import Direction, Engine

_NAME = 12  # cells of the names at the left


def named(name: str, *parts: object) -> Line:
    """A name in its column, and what follows."""
    return line(span(f"{name:<{_NAME}}", "dim"), *(part if isinstance(part, tuple) else span(part) for part in parts))


def version_lines(detail: VersionDetail, symbols: Symbols, now: datetime) -> list[Line]:
    row = detail.row
    alias = row.aliases.of(row.number)
    lines = [
        named(
            "state", symbols.state(alias or row.state.value), f"   {formats.age(now - row.created)} old", _share(detail)
        ),
        named("run", _run(detail), span(f"   {detail.cause}", "dim")),
    ]
    if detail.rollout:
        lines.append(named("rollout", detail.rollout))
    lines += _gates(detail, symbols)
    lines.append(named("approvals", ", ".join(detail.approvals) or span("none", "dim")))
    lines += _metrics(detail)
    lines += _model(detail)
    lines += _lineage(detail)
    if detail.history:
        lines += [line(""), line(span("history", "head"))]
        lines += [
            named(formats.clock(event.at, now), span(f"{event.kind} ", event.tone), event.text)
            for event in detail.history
        ]
    return lines


def _share(detail: VersionDetail) -> Span:
    return span("" if detail.weight is None else f"   {detail.weight:g} % of the requests", "info")


def _run(detail: VersionDetail) -> str:
    return "imported" if detail.row.run_id is None else f"{detail.row.run_id} by {detail.row.by}"


def _gates(detail: VersionDetail, symbols: Symbols) -> list[Line]:
    if not detail.verdicts:
        return [named("gates", span("none asked", "dim"))]
    return [
        named(_gates_name(detail) if index == 0 else "", symbols.state(verdict.outcome.value), f" {_gate(verdict)}")
        for index, verdict in enumerate(detail.verdicts)
    ]


def _gates_name(detail: VersionDetail) -> str:
    return "gates" if detail.gate_set is None else f"gates, v{detail.gate_set}"


def _gate(verdict: GateResult) -> str:
    words = [
        verdict.gate if verdict.reason.startswith(verdict.metric) else f"{verdict.gate}:",
        verdict.reason,
    ]
    text = verdict.reason if verdict.reason.startswith(verdict.metric) else " ".join(words)
    if verdict.interval is not None:
        low, high = verdict.interval
        text += f" [{formats.signed(low)}, {formats.signed(high)}]"
    text += f", n={formats.count(verdict.n)}"
    if verdict.rows_needed:
        text += f", {formats.count(verdict.rows_needed)} more rows needed"
    return f"{text}, owner {verdict.owner}" if verdict.owner else text


def _metrics(detail: VersionDetail) -> list[Line]:
    """Figures under each other: value, interval, and the champion's of the same rows where it was asked."""
    width = max((len(metric.name) for metric in detail.metrics), default=0)
    lines = [part for metric in detail.metrics for part in _metric(metric, width, detail.beside)]
    if detail.held_out is not None:
        lines.append(named("", span(f"of {formats.count(detail.held_out)} held-out rows, with 95 % intervals", "dim")))
    if detail.weak:
        lines.append(named("weak where", span("; ".join(detail.weak), "warn")))
    return lines


def _metric(metric: MetricRow, width: int, beside: int | None) -> list[Line]:
    parts: list[object] = [f"{metric.name:<{width}} {formats.number(metric.value)}"]
    if metric.interval is not None:
        low, high = metric.interval
        parts.append(span(f"  {formats.number(low)} .. {formats.number(high)}", "dim"))
    if metric.beside is not None:
        said = f"champion {beside} on the same rows {formats.number(metric.beside)}, "
        return [named("metric", *parts), named("", span(said, "dim"), _told_apart(metric))]
    if metric.champion is not None:
        # no difference: each was measured on the rows that its own training held out
        parts.append(span(f"  the champion's, on its own holdout, {formats.number(metric.champion)}", "dim"))
    return [named("metric", *parts)]


def _told_apart(metric: MetricRow) -> Span:
    """The difference from the champion on the same rows, and what it means."""
    if metric.difference is None:
        return span("difference not told", "dim")
    low, high = metric.difference
    shown = f"{formats.signed(low)} .. {formats.signed(high)}"
    if low <= 0 <= high:
        return span(f"{shown}: not told apart", "dim")
    if metric.name not in METRICS:  # a KPI: which way is better is not known here
        return span(shown)
    better = (low > 0) is (METRICS[metric.name].direction is Direction.HIGHER)
    return span(f"{shown}: {'better' if better else 'worse'}", "ok" if better else "bad")


def _model(detail: VersionDetail) -> list[Line]:
    row = detail.row
    lines = [
        named("kind", detail.kind),
        *(named(f"from {name}"[: _NAME - 1], value) for name, value in detail.origin),
        named("engine", row.engine, span(f"  {detail.engine_reason}", "dim")),
        named(
            "artifact",
            detail.artifact[:12],
            span(f"  {formats.size(row.size_bytes)}", "dim"),
            span(f"  onnx {detail.onnx[:12]}" if detail.onnx else "  no onnx", "dim"),
        ),
        named(
            "trained on",
            f"{formats.count(row.rows)} rows",
            span(f"  {formats.minute(detail.trained_from)} to {formats.minute(detail.trained_to)}", "dim"),
        ),
    ]
    if detail.max_difference is not None and detail.row.engine != Engine.ONNX.value:  # else the reason says it
        lines.append(named("agreement", f"engines differ by {detail.max_difference:.1e} at most"))
    lines += [named(name, value) for name, value in detail.provenance]
    lines += [line(""), line(span(f"signature: {len(detail.fields)} fields, target {detail.target}", "head"))]
    width = max((len(name) for name, _ in detail.fields), default=0)
    lines += [line(f"  {name:<{width}}  ", span(kind, "dim")) for name, kind in detail.fields]
    return lines


def _lineage(detail: VersionDetail) -> list[Line]:
    made = [(step, sha256) for step, direction, _, sha256 in detail.lineage if direction == "out"]
    if not made:
        return []
    taken: dict[str, list[str]] = {}
    for step, direction, name, _ in detail.lineage:
        if direction == "in":
            taken.setdefault(step, []).append(name)
    lines = [line(""), line(span("lineage", "head"))]
    for step, sha256 in made:
        inputs = ", ".join(sorted(taken.get(step, ())))
        lines.append(
            line(f"  {step:<14} ", span(sha256[:12], "dim"), span(f"  from {inputs}" if inputs else "", "dim"))
        )
    return lines
