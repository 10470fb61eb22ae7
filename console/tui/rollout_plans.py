"""Plans for rollouts: pause or resume one, and end it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quarterdeck.console.tui.plan import Plan, Refusal
from quarterdeck.console.tui.subject import Subject
from quarterdeck.core.rights import Right

if TYPE_CHECKING:
    from quarterdeck.console.context import Console
    from quarterdeck.core.rollout import Rollout


def pause(subject: Subject) -> Plan | Refusal:
    """Keep it at its step, or let it go on."""
    if not subject.rollout_open:
        return Refusal(why=f"{subject.label} has ended")
    return pausing(subject.model or "", subject.rollout_id or 0, paused=not subject.paused)


def pausing(model: str, number: int, *, paused: bool) -> Plan:
    """Easily taken back, so it is done without asking."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        act = acts.pause_rollout if paused else acts.resume_rollout
        return act(console, str(number), reason=reason or f"{'paused' if paused else 'resumed'} by a person")

    words = ("under way", "paused") if paused else ("paused", "under way")
    return Plan(
        action="pause",
        verb="Pause" if paused else "Resume",
        title=f"{'Pause' if paused else 'Resume'} rollout {number} of {model}",
        changes=((f"rollout {number}", *words),),
        do=do,
        done=f"rollout {number} of {model} is {words[1]}",
        model=model,
        right=Right.OPERATE,
        subject=model,
        confirmed=False,
        undo=lambda _: pausing(model, number, paused=not paused),
    )


def abort(subject: Subject) -> Plan | Refusal:
    """End it: its version leaves the traffic, or after the promotion the one before answers again."""
    if not subject.rollout_open:
        return Refusal(why=f"{subject.label} has ended")
    number, model = subject.rollout_id or 0, subject.model or ""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.abort_rollout(console, str(number), reason=reason)

    found = Plan(
        action="cancel",
        verb="End rollout",
        title=f"End the rollout of {model} {subject.version}",
        changes=((f"rollout {number}", "under way", "aborted"),),
        do=do,
        done=f"rollout {number} of {model} is aborted",
        model=model,
        right=Right.DEMOTE,
        subject=model,
        live=True,
        needs_reason=True,
        look=lambda console: _as_it_stands(found, console, number),
        undo=lambda _: f"an ended rollout does not go on: `quarterdeck rollout start {model}@{subject.version}`",
    )
    return found


def _as_it_stands(found: Plan, console: Console, number: int) -> Plan:
    """The act on the rollout as the dialog shows it: it is refused if that has changed meanwhile."""
    from quarterdeck.console import acts  # start-up time
    from quarterdeck.core.rollout import StepKind, step_text
    from quarterdeck.store import rollouts

    with console.database.read() as tx:
        seen: Rollout = rollouts.find(tx, console.environment, str(number))
    back = seen.open and seen.current.kind is StepKind.BAKE
    then = f"champion {seen.champion} answers again" if back else f"champion {seen.champion or 'none'} stays"
    return replace(
        found,
        changes=((f"rollout {number}", f"{seen.state}, {step_text(seen)}", "aborted"),),
        notes=((f"At once: {then}.", "warn"),),
        blocked="" if seen.open else f"it has ended: {seen.reason}",
        do=lambda opened, reason: acts.abort_rollout(opened, str(number), reason=reason, seen=seen),
    )
