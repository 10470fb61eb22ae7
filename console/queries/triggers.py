"""One trigger with its brakes, and the next times of schedules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.manifest_triggers import trigger_spec
from quarterdeck.core.operations import Firing, Trigger
from quarterdeck.core.schedules import due_times
from quarterdeck.core.triggers import span_start
from quarterdeck.core.values import Span, TriggerKind
from quarterdeck.store import trigger_counts, trigger_places, triggers


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerShown:
    """A trigger, what it may still do, and what it did last."""

    trigger: Trigger
    spec: TriggerSpec
    fired_today: int
    spent: timedelta  # of the budget's day or week; without a budget, of the day
    place: dict[str, Any] | None
    firings: tuple[Firing, ...]


def shown(tx: Connection, pipeline: str, name: str, now: datetime, limit: int) -> TriggerShown:
    trigger = triggers.get(tx, pipeline, name)
    spec = trigger_spec(name, trigger.kind, trigger.spec)
    place = trigger_places.place_of(tx, trigger.id)
    if place is not None and "files" in place:
        place = {**place, "files": len(place["files"])}
    return TriggerShown(
        trigger=trigger,
        spec=spec,
        fired_today=triggers.fired_since(tx, trigger.id, span_start(Span.DAY, now)),
        spent=trigger_counts.spent_since(tx, trigger.id, span_start(spec.budget_per, now), now),
        place=place,
        firings=tuple(triggers.firings(tx, trigger_id=trigger.id, limit=limit)),
    )


def next_times(trigger: Trigger, now: datetime, count: int) -> list[datetime]:
    """When a schedule comes due next: what is planned first, then what its line or interval says."""
    if trigger.kind is not TriggerKind.SCHEDULE or trigger.paused or trigger.next_fire_at is None or count < 1:
        return []
    found = [trigger.next_fire_at]
    for at in due_times(trigger_spec(trigger.name, trigger.kind, trigger.spec), max(found[0], now)):
        if len(found) == count:
            break
        found.append(at)
    return found
