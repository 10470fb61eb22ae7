"""What an action would change, before it is done: restated for the person who confirms it.

A plan holds what was seen when it was made; the act refuses if that has changed since.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.core.values import Outcome, RunStatus, VersionState

if TYPE_CHECKING:
    from quarterdeck.console.context import Console

PRODUCTION = "production"

Do = Callable[["Console", str], Any]  # the console, and the reason that was typed


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """`changes` are (what, before, after). `confirmed` acts ask first; `live` ones change what answers
    requests.
    """

    action: str
    verb: str  # on the button
    title: str
    changes: tuple[tuple[str, str, str], ...]
    do: Do
    done: str  # said afterwards
    model: str
    notes: tuple[tuple[str, str], ...] = ()  # text, tone
    confirmed: bool = True
    live: bool = False
    needs_reason: bool = False
    undo: Callable[[Any], Plan | str] | None = None  # from what the act gave back

    def typed_name(self, environment: str) -> str | None:
        """What must be typed to confirm."""
        return self.model if self.live and environment == PRODUCTION else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why an action is not possible here. `fits` says whether it makes sense for this kind of row at all."""

    why: str
    fits: bool = True


def plan(action: str, subject: Subject | None) -> Plan | Refusal:
    """The plan of an action on a subject, or why there is none."""
    if subject is None:
        return Refusal(why="nothing is selected", fits=False)
    return _PLANNERS[action](subject)


def _promote(subject: Subject) -> Plan | Refusal:
    number = subject.version if subject.kind is Kind.VERSION else subject.aliases.challenger
    if subject.model is None or subject.kind not in (Kind.VERSION, Kind.MODEL, Kind.DUEL):
        return Refusal(why="select a version to promote it", fits=False)
    if number is None:
        return Refusal(why=f"{subject.model} has no challenger: select a version in the registry (3)")
    if number == subject.aliases.champion:
        return Refusal(why=f"{subject.model}@{number} is the champion already")
    if subject.state is VersionState.RETIRED:
        return Refusal(why=f"{subject.model}@{number} is retired")
    return promotion(subject, number)


def promotion(subject: Subject, number: int) -> Plan:
    """Make a version of the subject's model the champion."""
    aliases, model = subject.aliases, subject.model or ""
    forced = subject.state in (VersionState.CANDIDATE, VersionState.REJECTED)

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.promote(console, f"{model}@{number}", reason=reason, saw_champion=aliases.champion, force=forced)

    changes = [("champion", _name(aliases.champion), str(number))]
    if aliases.champion is not None:
        changes.append(("previous", _name(aliases.previous), _name(aliases.champion)))
    if aliases.challenger == number:
        changes.append(("challenger", str(number), "none"))
    return Plan(
        action="promote",
        verb="Force" if forced else "Promote",
        title=f"Promote {model} {number}" + (" against its gates" if forced else ""),
        changes=tuple(changes),
        notes=_gate_notes(subject, forced),
        do=do,
        done=f"{model}@{number} is the champion",
        model=model,
        live=True,
        needs_reason=forced,
        undo=lambda _: _undo_promotion(subject, number),
    )


def _gate_notes(subject: Subject, forced: bool) -> tuple[tuple[str, str], ...]:
    if subject.kind is not Kind.VERSION:
        return ()
    text = f"gates: {subject.passed} of {subject.gates} passed"
    if forced:
        why = "has failed a gate" if subject.outcome is Outcome.FAIL else "has not passed its gates"
        return ((f"{text}. It {why}: you force it, and the ledger keeps that with your reason.", "bad"),)
    return ((text, "ok" if subject.passed == subject.gates else "warn"),)


def _undo_promotion(subject: Subject, number: int) -> Plan | str:
    if subject.aliases.champion is None:
        return f"{subject.model} had no champion before: there is nothing to go back to"
    return rolling_back(subject.model or "", number, subject.aliases.champion)


def _rollback(subject: Subject) -> Plan | Refusal:
    if subject.model is None or subject.kind not in (Kind.VERSION, Kind.MODEL, Kind.DUEL):
        return Refusal(why="select a model to roll it back", fits=False)
    aliases = subject.aliases
    if aliases.previous is None or aliases.champion is None:
        return Refusal(why=f"{subject.model} has no previous version to roll back to")
    return rolling_back(subject.model, aliases.champion, aliases.previous)


def rolling_back(model: str, champion: int, previous: int) -> Plan:
    """Make the previous version the champion again."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.rollback(console, model, reason=reason, saw_champion=champion)

    return Plan(
        action="rollback",
        verb="Roll back",
        title=f"Roll back {model} to {previous}",
        changes=(("champion", str(champion), str(previous)), ("previous", str(previous), str(champion))),
        notes=(("At once: no gate and no analysis is asked.", "warn"),),
        do=do,
        done=f"{model}@{previous} is the champion again",
        model=model,
        live=True,
        undo=lambda _: rolling_back(model, previous, champion),
    )


def _keep(subject: Subject) -> Plan | Refusal:
    if subject.model is None or subject.kind not in (Kind.VERSION, Kind.MODEL, Kind.DUEL):
        return Refusal(why="select a model with a challenger", fits=False)
    number = subject.aliases.challenger
    if number is None:
        return Refusal(why=f"{subject.model} has no challenger")
    return withdrawal(subject.model, number)


def withdrawal(model: str, challenger: int) -> Plan:
    """End the comparison: the champion stays."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.withdraw(console, model, reason=reason)

    return Plan(
        action="keep",
        verb="Keep champion",
        title=f"Keep the champion of {model}",
        changes=(("challenger", str(challenger), "none"),),
        notes=((f"Version {challenger} leaves the traffic, and the comparison ends.", "warn"),),
        do=do,
        done=f"{model} keeps its champion; {challenger} is withdrawn",
        model=model,
        live=True,
        undo=lambda _: challenging(model, challenger),
    )


def challenging(model: str, number: int) -> Plan:
    """Let a version answer in shadow beside the champion."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.challenge(console, f"{model}@{number}", reason=reason)

    return Plan(
        action="challenge",
        verb="Challenge",
        title=f"Let {model} {number} challenge again",
        changes=(("challenger", "none", str(number)),),
        do=do,
        done=f"{model}@{number} challenges the champion",
        model=model,
        live=True,
        undo=lambda _: withdrawal(model, number),
    )


def _start(subject: Subject) -> Plan | Refusal:
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

    what = f"Fire trigger {trigger} of {pipeline}" if trigger else f"Run {pipeline} now"
    return Plan(
        action="start",
        verb="Fire" if trigger else "Run",
        title=what,
        changes=(("runs", "", "one more, queued for the daemon"),),
        do=do,
        done=f"a run of {pipeline} is queued",
        model=pipeline,
        undo=lambda run: cancelling(run.id, pipeline, RunStatus.QUEUED),
    )


def _cancel(subject: Subject) -> Plan | Refusal:
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
    )


def _pause(subject: Subject) -> Plan | Refusal:
    if subject.kind is not Kind.TRIGGER or subject.trigger is None:
        return Refusal(why="select a trigger (2, then tab)", fits=False)
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
        confirmed=False,
        undo=lambda _: pausing(pipeline, trigger, paused=not paused),
    )


def _acknowledge(subject: Subject) -> Plan | Refusal:
    if subject.kind is not Kind.ALERT or subject.alert_id is None:
        return Refusal(why="select an alert (4, then tab)", fits=False)
    if not subject.alert_open:
        return Refusal(why=f"alert {subject.alert_id} is not open")
    alert_id = subject.alert_id

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.acknowledge(console, alert_id)

    return Plan(
        action="acknowledge",
        verb="Acknowledge",
        title=f"Acknowledge alert {alert_id}",
        changes=((f"alert {alert_id}", "open", "acknowledged"),),
        do=do,
        done=f"alert {alert_id} is acknowledged",
        model=subject.model or "",
        confirmed=False,
        undo=lambda _: "an acknowledgement cannot be taken back",
    )


def _name(number: int | None) -> str:
    return "none" if number is None else str(number)


_PLANNERS: dict[str, Callable[[Subject], Plan | Refusal]] = {
    "promote": _promote,
    "rollback": _rollback,
    "keep": _keep,
    "start": _start,
    "cancel": _cancel,
    "pause": _pause,
    "acknowledge": _acknowledge,
}
ACTIONS = tuple(_PLANNERS)
