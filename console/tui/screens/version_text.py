"""One version in words: gates, metrics beside the champion's, signature, lineage, run and cause, history."""

from __future__ import annotations

from datetime import datetime

from quarterdeck.console import formats
from quarterdeck.console.queries.values import MetricRow, VersionDetail
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.core.gates import GateResult

_NAME = 12  # cells of the names at the left


def named(name: str, *parts: object) -> Line:
    """A name in its column, and what follows."""
    return line(span(f"{name:<{_NAME}}", "dim"), *(part if isinstance(part, tuple) else span(part) for part in parts))


def version_lines(detail: VersionDetail, symbols: Symbols, now: datetime) -> list[Line]:
    row = detail.row
    alias = row.aliases.of(row.number)
    lines = [
        named("state", symbols.state(alias or row.state.value), f"   {formats.age(now - row.created)} old"),
        named("run", _run(detail), span(f"   {detail.cause}", "dim")),
    ]
    lines += _gates(detail, symbols)
    lines += [_metric(metric) for metric in detail.metrics]
    lines += _model(detail)
    lines += _lineage(detail)
    if detail.history:
        lines += [line(""), line(span("history", "head"))]
        lines += [
            named(formats.clock(event.at, now), span(f"{event.kind} ", event.tone), event.text)
            for event in detail.history
        ]
    return lines


def _run(detail: VersionDetail) -> str:
    return "imported" if detail.row.run_id is None else f"{detail.row.run_id} by {detail.row.by}"


def _gates(detail: VersionDetail, symbols: Symbols) -> list[Line]:
    if not detail.verdicts:
        return [named("gates", span("none asked", "dim"))]
    return [
        named("gates" if index == 0 else "", symbols.state(verdict.outcome.value), f" {_gate(verdict)}")
        for index, verdict in enumerate(detail.verdicts)
    ]


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


def _metric(metric: MetricRow) -> Line:
    parts: list[object] = [f"{metric.name} {formats.number(metric.value)}"]
    if metric.champion is not None:
        # no difference: each was measured on the rows that its own training held out
        parts.append(span(f"  the champion's, on its own holdout, {formats.number(metric.champion)}", "dim"))
    return named("metric", *parts)


def _model(detail: VersionDetail) -> list[Line]:
    row = detail.row
    lines = [
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
    if detail.max_difference is not None:
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
