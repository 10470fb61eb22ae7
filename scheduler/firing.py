"""A trigger's condition holds: decide whether it starts a run, and keep what was decided and why.

A thousand that come due together are decided together: what stands against them is asked once, and the firings and runs
are written in a few statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.operations import Firing, Trigger
from quarterdeck.core.runs import Run
from quarterdeck.core.triggers import BY_EVENT_TIME, FireDecision, decide_fire, fruitless, span_start
from quarterdeck.core.values import Span, TriggerKind
from quarterdeck.store import runs, trigger_counts, triggers


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A trigger whose condition holds. `width` is that of a window, where the evidence is made of windows."""

    trigger: Trigger
    spec: TriggerSpec
    evidence: dict[str, Any]
    evidence_at: datetime | None = None
    alert_id: int | None = None
    width: timedelta | None = None
    patient: bool = False  # it comes again until the run that stands against it has ended: waiting is not kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Fired:
    """What came of it. `firing` is None where the same reason as before holds it back: that is kept once."""

    decision: FireDecision
    firing: int | None = None
    run: int | None = None


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
    width: timedelta | None = None,
) -> Run | None:
    """Queue a run if nothing stands against it; the firing is recorded either way, once per evidence."""
    due = Due(trigger=trigger, spec=spec, evidence=evidence, evidence_at=evidence_at, alert_id=alert_id, width=width)
    (came,) = fire_all(tx, [due], now=now, environment=environment)
    return None if came.run is None else runs.get(tx, came.run)


def fire_all(tx: Connection, dues: Sequence[Due], *, now: datetime, environment: str) -> list[Fired]:
    """The same for many, in their order: the first that fires of a pipeline stands against its others."""
    against = _against(tx, dues, now, environment)
    decided = [_decide(tx, due, against, now) for due in dues]
    kept = [(index, due) for index, due in enumerate(dues) if not _is_known(due, decided[index], against)]
    drafts = [_draft(due, decided[index]) for index, due in kept]
    keys = dict(zip((index for index, _ in kept), triggers.record_firings(tx, drafts, now=now), strict=True))
    started = _start(tx, dues, decided, keys, now)
    triggers.link_runs(tx, {keys[index]: run for index, run in started.items()})
    return [
        Fired(decision=decision, firing=keys.get(index), run=started.get(index))
        for index, decision in enumerate(decided)
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Against:
    """What may stand against a firing, asked once for all that are due."""

    under_way: dict[str, str]  # pipeline -> run; one that is about to be queued has no number yet
    challengers: dict[str, int]
    fired_today: dict[int, int]
    last: dict[int, Firing]


def _against(tx: Connection, dues: Sequence[Due], now: datetime, environment: str) -> _Against:
    limited = {due.trigger.id for due in dues if due.spec.limit_per_day is not None}
    return _Against(
        under_way={pipeline: f"run {number}" for pipeline, number in runs.under_way(tx).items()},
        challengers=trigger_counts.challengers(tx, environment),
        fired_today=trigger_counts.fired_since(tx, limited, span_start(Span.DAY, now)) if limited else {},
        last=trigger_counts.last_firings(tx, {due.trigger.id for due in dues}),
    )


def _decide(tx: Connection, due: Due, against: _Against, now: datetime) -> FireDecision:
    trigger, spec = due.trigger, due.spec
    decision = _comparing(trigger.pipeline, against) or decide_fire(
        kind=trigger.kind,
        now=now,
        paused=trigger.paused,
        active_run=against.under_way.get(trigger.pipeline),
        cooldown=spec.cooldown,
        last_fired=trigger.last_fired_at,
        evidence_at=due.evidence_at,
        last_evidence=trigger.last_evidence_at,
        fired_today=against.fired_today.get(trigger.id, 0),
        limit_per_day=spec.limit_per_day,
        fruitless=_fruitless(tx, due),
        width=due.width,
        spent=_spent(tx, due, now),
        budget=spec.budget,
        budget_per=spec.budget_per,
    )
    if decision.fire:
        against.under_way[trigger.pipeline] = f"a run that trigger {trigger.name} starts"
        against.fired_today[trigger.id] = against.fired_today.get(trigger.id, 0) + 1
    return decision


def _comparing(pipeline: str, against: _Against) -> FireDecision | None:
    """While a challenger is compared, a new run would only replace the evidence that the last one asked for."""
    challenger = against.challengers.get(pipeline)
    if challenger is None:
        return None
    return FireDecision(fire=False, reason=f"challenger {pipeline}@{challenger} is being compared", waits=True)


def _fruitless(tx: Connection, due: Due) -> int:
    """Asked only where it may lengthen a wait: evidence of windows, newer than that which fired last."""
    before, at = due.trigger.last_evidence_at, due.evidence_at
    if at is None or before is None or not due.spec.backoff or due.trigger.kind not in BY_EVENT_TIME:
        return 0
    past = trigger_counts.trainings(tx, due.trigger.id, due.trigger.pipeline)
    loss = due.trigger.kind is TriggerKind.DECAY or due.evidence.get("loss") is True
    return fruitless(past, at=at, loss=loss, cooldown=due.spec.cooldown, width=due.width)


def _spent(tx: Connection, due: Due, now: datetime) -> timedelta:
    if due.spec.budget is None:
        return timedelta(0)
    return trigger_counts.spent_since(tx, due.trigger.id, span_start(due.spec.budget_per, now), now)


def _is_known(due: Due, decision: FireDecision, against: _Against) -> bool:
    """A trigger that is held back for the same reason again is one row, and not one per tick or window."""
    if decision.fire:
        return False
    if decision.waits and due.patient:
        return True
    seen = due.trigger.last_evidence_at
    if due.evidence_at is not None and seen is not None and due.evidence_at <= seen:
        return True
    last = against.last.get(due.trigger.id)
    return last is not None and not last.fired and last.reason == decision.reason


def _draft(due: Due, decision: FireDecision) -> triggers.FiringDraft:
    return triggers.FiringDraft(
        trigger=due.trigger,
        fired=decision.fire,
        reason=decision.reason,
        evidence=due.evidence,
        evidence_at=due.evidence_at,
        alert_id=due.alert_id,
    )


def _start(
    tx: Connection, dues: Sequence[Due], decided: Sequence[FireDecision], keys: dict[int, int], now: datetime
) -> dict[int, int]:
    """Queue the runs; gives the run of each due trigger that started one, by its place."""
    firing = [index for index, decision in enumerate(decided) if decision.fire]
    wanted = []
    for index in firing:
        due = dues[index]
        cause: dict[str, Any] = {"kind": due.trigger.kind.value, "trigger": due.trigger.name}
        cause |= {"firing": keys[index], "alert": due.alert_id}
        if "commit" in due.evidence:
            cause["commit"] = due.evidence["commit"]
        wanted.append((due.trigger.pipeline, f"trigger {due.trigger.name}", cause))
    return dict(zip(firing, runs.request_all(tx, wanted, now=now), strict=True))
