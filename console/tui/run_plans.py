"""Plans for runs and triggers; for rollouts see rollout_plans.py."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quarterdeck.console.tui import rollout_plans
from quarterdeck.console.tui.plan import Note, Plan, Refusal
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.core.rights import Right
from quarterdeck.core.values import RunStatus, ServiceKind

if TYPE_CHECKING:
    from quarterdeck.console.context import Console


def start(subject: Subject) -> Plan | Refusal:
    if subject.model is None:
        return Refusal(why="select a pipeline", fits=False)
    return starting(subject.model, subject.trigger if subject.kind is Kind.TRIGGER else None)


def starting(pipeline: str, trigger: str | None) -> Plan:
    """Queue a run; a trigger's own is fired whatever its condition says."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        if trigger is not None:
            return acts.fire_trigger(console, pipeline, trigger, reason=reason)
        return acts.request_run(console, pipeline, reason=reason)

    def look(console: Console) -> Plan:
        return replace(found, notes=waits(console))

    what = f"Fire trigger {trigger} of {pipeline}" if trigger else f"Run {pipeline} now"
    found = Plan(
        action="start",
        verb="Fire" if trigger else "Run",
        title=what,
        changes=(("runs", "", "one more, queued for the daemon"),),
        do=do,
        done=f"a run of {pipeline} is queued",
        model=pipeline,
        right=Right.OPERATE,
        subject=pipeline if trigger is None else f"{pipeline}/{trigger}",
        look=look,
        undo=lambda run: cancelling(run.id, pipeline, RunStatus.QUEUED),
    )
    return found


def waits(console: Console) -> tuple[Note, ...]:
    """A word about the daemon, where there is none to take the run."""
    from quarterdeck.store import services  # start-up time

    with console.database.read() as tx:
        daemon = services.find(tx, ServiceKind.DAEMON)
    if daemon is not None and services.is_alive(daemon):
        return ()
    return (("No daemon runs: it waits for `quarterdeck daemon start`.", "warn"),)


def cancel(subject: Subject) -> Plan | Refusal:
    if subject.kind is Kind.ROLLOUT:
        return rollout_plans.abort(subject)
    if subject.run_id is None or subject.kind not in (Kind.RUN, Kind.STEP, Kind.MODEL, Kind.PIPELINE):
        return Refusal(why="select a run to cancel it", fits=False)
    if subject.run_status is None or subject.run_status.finished:
        word = subject.run_status.value if subject.run_status else "not running"
        return Refusal(why=f"run {subject.run_id} has {word}" if subject.run_status else "no run is under way")
    return cancelling(subject.run_id, subject.model or "", subject.run_status)


def cancelling(run_id: int, pipeline: str, status: RunStatus) -> Plan:
    """Stop a run."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.cancel_run(console, run_id)

    return Plan(
        action="cancel",
        verb="Cancel run",
        title=f"Cancel run {run_id} of {pipeline}",
        changes=((f"run {run_id}", status.value, "cancelled"),),
        notes=(("Finished steps stay cached: it can be resumed.", ""),),
        do=do,
        done=f"run {run_id} is asked to stop" if status is RunStatus.RUNNING else f"run {run_id} is cancelled",
        model=pipeline,
        right=Right.OPERATE,
        subject=f"run {run_id}",
        undo=lambda _: resuming(run_id, pipeline),
    )


def resuming(run_id: int, pipeline: str) -> Plan:
    """Queue a cancelled run again."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.resume_run(console, run_id)

    return Plan(
        action="resume",
        verb="Resume",
        title=f"Resume run {run_id} of {pipeline}",
        changes=((f"run {run_id}", "cancelled", "queued"),),
        do=do,
        done=f"run {run_id} is queued again",
        model=pipeline,
        right=Right.OPERATE,
        subject=f"run {run_id}",
    )


def pause(subject: Subject) -> Plan | Refusal:
    if subject.kind is Kind.ROLLOUT:
        return rollout_plans.pause(subject)
    if subject.kind is not Kind.TRIGGER or subject.trigger is None:
        return Refusal(why="select a trigger or a rollout (7)", fits=False)
    return pausing(subject.model or "", subject.trigger, paused=not subject.paused)


def pausing(pipeline: str, trigger: str, *, paused: bool) -> Plan:
    """Pause or resume a trigger; easily taken back, so it is done without asking."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.set_trigger_paused(console, pipeline, trigger, paused=paused, reason=reason)

    words = ("paused", "active") if not paused else ("active", "paused")
    return Plan(
        action="pause",
        verb="Pause" if paused else "Resume",
        title=f"{'Pause' if paused else 'Resume'} trigger {trigger} of {pipeline}",
        changes=((f"trigger {trigger}", *words),),
        do=do,
        done=f"trigger {pipeline}/{trigger} is {words[1]}",
        model=pipeline,
        right=Right.OPERATE,
        subject=f"{pipeline}/{trigger}",
        confirmed=False,
        undo=lambda _: pausing(pipeline, trigger, paused=not paused),
    )
