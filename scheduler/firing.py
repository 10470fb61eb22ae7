"""A trigger's condition holds: decide whether it starts a run, and keep what was decided and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.operations import Trigger
from quarterdeck.core.runs import Run
from quarterdeck.core.triggers import FireDecision, decide_fire
from quarterdeck.core.values import Alias
from quarterdeck.store import registry, runs, triggers


def fire(
    tx: Connection,
    trigger: Trigger,
    spec: TriggerSpec,
    *,
    now: datetime,
    environment: str,
    evidence: dict[str, Any],
    evidence_at: datetime | None = None,
    alert_id: int | None = None,
) -> Run | None:
    """Queue a run if nothing stands against it; the firing is recorded either way, once per evidence."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    pending = runs.unfinished(tx, trigger.pipeline)
    decision = _comparing(tx, trigger.pipeline, environment) or decide_fire(
        kind=trigger.kind,
        now=now,
        paused=trigger.paused,
        active_run=str(pending[0].id) if pending else None,
        cooldown=spec.cooldown,
        last_fired=trigger.last_fired_at,
        evidence_at=evidence_at,
        last_evidence=trigger.last_evidence_at,
        fired_today=triggers.fired_since(tx, trigger.id, midnight),
        limit_per_day=spec.limit_per_day,
    )
    if not decision.fire and _known(tx, trigger, evidence_at, decision.reason):
        return None
    firing = triggers.record_firing(
        tx,
        trigger,
        now=now,
        fired=decision.fire,
        reason=decision.reason,
        evidence=evidence,
        evidence_at=evidence_at,
        alert_id=alert_id,
    )
    if not decision.fire:
        return None
    cause = {"kind": trigger.kind.value, "trigger": trigger.name, "firing": firing, "alert": alert_id}
    run = runs.request(tx, trigger.pipeline, by=f"trigger {trigger.name}", cause=cause, now=now)
    triggers.link_run(tx, firing, run.id)
    return run


def _comparing(tx: Connection, pipeline: str, environment: str) -> FireDecision | None:
    """While a challenger is compared, a new run would only replace the evidence that the last one asked for."""
    challenger = registry.aliases(tx, pipeline, environment).get(Alias.CHALLENGER)
    if challenger is None:
        return None
    return FireDecision(fire=False, reason=f"challenger {pipeline}@{challenger} is being compared")


def _known(tx: Connection, trigger: Trigger, evidence_at: datetime | None, reason: str) -> bool:
    """A trigger that is held back for the same reason again is one row, and not one per tick or window."""
    if evidence_at is not None and trigger.last_evidence_at is not None and evidence_at <= trigger.last_evidence_at:
        return True
    last = triggers.last_firing(tx, trigger.id)
    return last is not None and not last.fired and last.reason == reason
