"""The rows of the schedule screen: triggers, rollouts, processes; and each of them in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from quarterdeck.console import formats
from quarterdeck.console.queries.values import TriggerRow
from quarterdeck.console.queries.values_schedule import FiringRow, RolloutRow, RolloutStory, ServiceLine
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.console.tui.widgets.columns import Column, Row

TIMERS = (
    Column(key="name", title="TRIGGER", width=26, least=16, flex=1),
    Column(key="state", title="STATE", width=8, least=8),
    Column(key="condition", title="CONDITION", width=30, least=20, flex=2),
    Column(key="next", title="NEXT", width=7, least=6),
    Column(key="at", title="NEXT UTC", width=12, least=11, drop=2),
    Column(key="last", title="FIRED", width=5, least=5, right=True),
    Column(key="word", title="LAST TIME", width=20, least=10, flex=1, drop=1),
)
ROLLOUTS = (
    Column(key="version", title="ROLLOUT OF", width=18, least=12, flex=1),
    Column(key="state", title="STATE", width=13, least=13),
    Column(key="strategy", title="HOW", width=7, least=6, drop=1),
    Column(key="step", title="STEP", width=30, least=18, flex=2),
    Column(key="since", title="SINCE", width=5, least=5, right=True),
    Column(key="by", title="BY", width=16, least=8, drop=2),
)
SERVICES = (
    Column(key="name", title="PROCESS", width=16, least=8),
    Column(key="state", title="STATE", width=12, least=9),
    Column(key="pid", title="PID", width=8, least=7, right=True),
    Column(key="up", title="UP", width=5, least=4, right=True),
    Column(key="address", title="ADDRESS", width=24, least=22),
    Column(key="problems", title="PROBLEMS", width=24, least=14, flex=1),
)


def timer_row(row: TriggerRow, symbols: Symbols, now: datetime) -> Row:
    kind = row.kind.replace("_", " ")
    paused = row.paused
    cells: dict[str, Line] = {
        "name": line(span(f"{row.pipeline}/", "dim"), span(row.name, "strong")),
        "state": line(symbols.state("paused" if paused else "active")),
        "condition": line(row.condition if row.name == row.kind else f"{kind} {row.condition}"),
        "next": line(span("-", "dim") if paused else span(formats.until(row.next_fire, now))),
        "at": line(span("-" if paused or row.next_fire is None else formats.clock(row.next_fire, now), "dim")),
        "last": line(span(formats.age(now - row.last_fired) if row.last_fired else "never", "dim")),
        "word": line(span(row.last_word, "dim")),
    }
    moment = None if paused or row.next_fire is None else row.next_fire.timestamp()
    return Row(id=trigger_id(row), cells=cells, values={"next": moment, "at": moment, "last": _ago(row.last_fired)})


def trigger_id(row: TriggerRow) -> str:
    return f"{row.pipeline}/{row.name}"


def rollout_row(row: RolloutRow, symbols: Symbols, now: datetime) -> Row:
    said = row.state.value.replace("_", " ")
    cells: dict[str, Line] = {
        "version": line(span(row.reference, "strong" if row.open else "")),
        "state": line(span(f"{symbols.glyph(row.state.value)} {said}", symbols.tone(row.state.value))),
        "strategy": line(row.strategy),
        "step": line(span(row.step if row.open else row.reason or row.step, "" if row.open else "dim")),
        "since": line(span(formats.age(now - (row.ended_at or row.since)), "dim")),
        "by": line(span(row.started_by, "dim")),
        "reason": line(row.reason),
    }
    return Row(id=str(row.id), cells=cells, values={"since": -(row.ended_at or row.since).timestamp()})


def service_row(row: ServiceLine, symbols: Symbols, now: datetime) -> Row:
    name = row.kind.value if row.name == "main" else f"{row.kind} {row.name}"
    glyph = symbols.glyph({"ok": "ok", "bad": "failed", "warn": "idle"}.get(row.tone, "idle"))
    runs = row.state not in ("stopped", "died")
    cells: dict[str, Line] = {
        "name": line(span(name, "strong")),
        "state": line(span(f"{glyph} {row.state}", row.tone)),
        "pid": line(span(str(row.pid) if runs else "-", "dim")),
        "up": line(span(formats.age(now - row.started_at) if runs else "-", "dim")),
        "address": line(row.address or "-"),
        "problems": line(span("; ".join(row.problems) or "nothing", "warn" if row.problems else "dim")),
    }
    return Row(id=row.id, cells=cells)


def trigger_lines(row: TriggerRow, firings: Sequence[FiringRow], now: datetime) -> list[Line]:
    """When it fires, and what came of each time that its condition held."""
    due = "paused: it fires by hand only" if row.paused else formats.until(row.next_fire, now)
    lines = [
        _named("kind", row.kind.replace("_", " ")),
        _named("fires on", row.condition),
        _named("next", due if row.next_fire or row.paused else "when its condition holds"),
        line(""),
        line(span("when its condition held", "head")),
    ]
    if not firings:
        lines.append(line(span("never yet", "dim")))
    return lines + [_firing(item, now) for item in firings]


def _firing(item: FiringRow, now: datetime) -> Line:
    came = f"run {item.run_id}" if item.fired else "no run"
    alert = f" (alert {item.alert_id})" if item.alert_id is not None else ""
    return line(
        span(f"{formats.clock(item.at, now)}  ", "dim"),
        span(f"{came}{alert}", "ok" if item.fired else "warn"),
        span(f"  {item.reason}"),
    )


def rollout_lines(story: RolloutStory, symbols: Symbols, now: datetime) -> list[Line]:
    """Its steps with the one it stands at, and its looks."""
    row = story.row
    said = row.state.value.replace("_", " ")
    lines = [
        _named("state", span(f"{symbols.glyph(row.state.value)} {said}", symbols.tone(row.state.value))),
        _named("why", row.reason or "-"),
        _named("against", "nobody: the first" if row.champion is None else f"champion {row.champion}"),
        _named("started", f"{formats.clock(row.started_at, now)} by {row.started_by}"),
        line(""),
    ]
    for place, step in enumerate(story.steps):
        here = place == story.at
        mark = symbols.glyph("running") if here and row.open else symbols.glyph("succeeded" if place < story.at else "")
        lines.append(line(span(f"{mark or ' '} {step}", "accent" if here else "dim" if place > story.at else "")))
    lines += [line(""), line(span("looks", "head"))]
    if not story.looks:
        lines.append(line(span("none yet", "dim")))
    for look in story.looks:
        tone = symbols.tone(look.outcome)
        lines.append(
            line(span(f"{formats.clock(look.at, now)}  ", "dim"), span(look.outcome, tone), f"  {look.reason}")
        )
    return lines


def service_lines(row: ServiceLine, now: datetime) -> list[Line]:
    """What the process says of itself."""
    lines = [
        _named("state", span(row.state, row.tone)),
        _named("process", str(row.pid)),
        _named("started", f"{formats.clock(row.started_at, now)} UTC"),
        _named("address", row.address or "listens nowhere"),
    ]
    lines += [_named(name, value) for name, value in row.facts]
    if row.problems:
        lines += [line(""), line(span("what does not work", "bad"))]
        lines += [line(span(text)) for text in row.problems]
    return lines


def _named(name: str, said: str | tuple[str, str]) -> Line:
    return line(span(f"{name:<12}", "dim"), said)


def _ago(moment: datetime | None) -> float | None:
    return None if moment is None else -moment.timestamp()
