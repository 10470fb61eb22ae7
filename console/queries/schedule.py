"""What happens by itself: every trigger, the rollouts, and the processes that do it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.console.formats import count
from quarterdeck.console.queries.pipelines import trigger_row
from quarterdeck.console.queries.questions import AskSchedule
from quarterdeck.console.queries.rollouts import page, story
from quarterdeck.console.queries.status import service_state
from quarterdeck.console.queries.values_schedule import FiringRow, RolloutStory, Schedule, ServiceLine
from quarterdeck.core.operations import Service
from quarterdeck.store import rollouts, services, triggers

FIRINGS = 30


def screen(tx: Connection, environment: str, asked: AskSchedule, now: datetime, patience: float) -> Schedule:
    """`patience` is how many seconds a service may be silent before it is held dead."""
    found = triggers.every(tx)
    chosen = next((item for item in found if f"{item.pipeline}/{item.name}" == asked.trigger), None)
    return Schedule(
        triggers=tuple(trigger_row(tx, trigger) for trigger in found),
        rollouts=tuple(page(tx, environment, limit=asked.limit)),
        services=tuple(_service(item, now, patience) for item in services.every(tx)),
        firings=() if chosen is None else _firings(tx, chosen.id),
        story=_story(tx, environment, asked.rollout),
    )


def _firings(tx: Connection, trigger_id: int) -> tuple[FiringRow, ...]:
    return tuple(
        FiringRow(
            id=item.id,
            at=item.at,
            fired=item.fired,
            reason=item.reason,
            run_id=item.run_id,
            alert_id=item.alert_id,
            evidence_at=item.evidence_at,
        )
        for item in triggers.firings(tx, trigger_id=trigger_id, limit=FIRINGS)
    )


def _story(tx: Connection, environment: str, number: int | None) -> RolloutStory | None:
    if number is None:
        return None
    return story(tx, rollouts.find(tx, environment, str(number)))


def _service(service: Service, now: datetime, patience: float) -> ServiceLine:
    state, tone = service_state(service, now, patience)
    detail = service.detail
    problems = detail.get("problems") or {}
    said = [f"{name}: {text}" for name, text in problems.items()] if isinstance(problems, dict) else list(problems)
    facts = ((name.replace("_", " "), _said(value)) for name, value in detail.items() if name != "problems")
    return ServiceLine(
        kind=service.kind,
        name=service.name,
        state=state,
        tone=tone,
        pid=service.pid,
        started_at=service.started_at,
        address=service.address or "",
        facts=tuple(facts),
        problems=tuple(str(item) for item in said),
    )


def _said(value: Any) -> str:
    """Rising figures coarsely, so that a screen at rest stays at rest."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(part)}" for name, part in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value) or "none"
    return str(value)
