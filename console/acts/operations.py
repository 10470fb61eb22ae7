"""Acts on triggers."""

from __future__ import annotations

from quarterdeck.console.acts.guard import audit_of, permitted
from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import ConflictError
from quarterdeck.core.rights import Right
from quarterdeck.core.runs import Run
from quarterdeck.store import ledger, runs, triggers


def set_trigger_paused(console: Console, pipeline: str, name: str, *, paused: bool, reason: str = "") -> None:
    act, subject = "pause_trigger" if paused else "resume_trigger", f"{pipeline}/{name}"
    with permitted(console, Right.OPERATE, act=act, subject=subject) as tx:
        trigger = triggers.get(tx, pipeline, name)
        if trigger.paused is paused:
            raise ConflictError(f"trigger {subject} is {'paused' if paused else 'not paused'} already")
        triggers.set_paused(tx, trigger.id, paused)
        changed = {"before": {"paused": trigger.paused}, "after": {"paused": paused}}
        ledger.append(tx, audit_of(console, reason), act=act, subject=subject, **changed)


def fire_trigger(console: Console, pipeline: str, name: str, *, reason: str = "") -> Run:
    """Start what the trigger starts, now, whatever its condition, cooldown and limit say."""
    with permitted(console, Right.OPERATE, act="fire_trigger", subject=f"{pipeline}/{name}") as tx:
        now = utc_now()
        trigger = triggers.get(tx, pipeline, name)
        cause = {"kind": trigger.kind.value, "trigger": name, "by_hand": True, "reason": reason}
        run = runs.request(tx, pipeline, by=console.actor, cause=cause, now=now)
        said = reason or "fired by hand"
        triggers.record_firing(tx, trigger, now=now, fired=True, reason=said, evidence={}, run_id=run.id)
        return run
