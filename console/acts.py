"""What an operator can do, once: the command line and the screens call these, and nothing else changes the store.

Each act is one transaction, checked against what the operator saw, and leaves its ledger entry.
"""

from __future__ import annotations

from typing import Any

from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import NotAllowedError, UsageError
from quarterdeck.core.operations import Alert
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.runs import Run
from quarterdeck.core.values import Alias, Engine, TriggerKind
from quarterdeck.store import alerts, ledger, registry, runs, triggers
from quarterdeck.store.artifacts import ArtifactStore

LOOK = -1  # for `saw_champion`: take the champion as it is at the time of the act


def promote(
    console: Console, reference: str, *, reason: str, saw_champion: int | None = LOOK, force: bool = False
) -> Version:
    """Make a version the champion. `saw_champion` is the champion's number that the operator saw, None for none."""
    _may_change(console)
    wanted = parse_reference(reference)
    if wanted.version is None and wanted.alias is not Alias.CHALLENGER:
        raise UsageError(f"{reference!r} does not say which version", hint=f"write {wanted.model}@NUMBER")
    with console.database.write() as tx:
        version = registry.resolve(tx, wanted, console.environment)
        _check_whole(console, version)
        if saw_champion == LOOK:
            saw_champion = registry.aliases(tx, version.model, console.environment).get(Alias.CHAMPION)
        return registry.promote(
            tx,
            version.model,
            version.number,
            environment=console.environment,
            actor=console.actor,
            reason=reason,
            now=utc_now(),
            saw_champion=saw_champion,
            force=force,
        )


def rollback(console: Console, model: str, *, reason: str, saw_champion: int | None = LOOK) -> Version:
    """Make the previous champion the champion again, at once."""
    _may_change(console)
    with console.database.write() as tx:
        if saw_champion == LOOK:
            saw_champion = registry.aliases(tx, model, console.environment).get(Alias.CHAMPION)
        previous = registry.aliases(tx, model, console.environment).get(Alias.PREVIOUS)
        if previous is not None:
            _check_whole(console, registry.get(tx, model, previous))
        return registry.rollback(
            tx,
            model,
            environment=console.environment,
            actor=console.actor,
            reason=reason,
            now=utc_now(),
            saw_champion=saw_champion,
        )


def challenge(console: Console, reference: str, *, reason: str) -> Version:
    """Let a version answer in shadow beside the champion."""
    _may_change(console)
    wanted = parse_reference(reference)
    if wanted.version is None:
        raise UsageError(f"{reference!r} does not say which version", hint=f"write {wanted.model}@NUMBER")
    with console.database.write() as tx:
        return registry.challenge(
            tx,
            wanted.model,
            wanted.version,
            environment=console.environment,
            actor=console.actor,
            reason=reason,
            now=utc_now(),
        )


def withdraw(console: Console, model: str, *, reason: str) -> None:
    """Keep the champion: take the challenger out of the traffic."""
    _may_change(console)
    with console.database.write() as tx:
        registry.withdraw(tx, model, environment=console.environment, actor=console.actor, reason=reason, now=utc_now())


def request_run(console: Console, pipeline: str, *, reason: str = "") -> Run:
    """Queue a run for the daemon."""
    _may_change(console)
    with console.database.write() as tx:
        cause = {"kind": TriggerKind.MANUAL.value, "reason": reason}
        return runs.request(tx, pipeline, by=console.actor, cause=cause, now=utc_now())


def cancel_run(console: Console, run_id: int) -> Run:
    _may_change(console)
    with console.database.write() as tx:
        return runs.ask_cancel(tx, run_id, now=utc_now())


def resume_run(console: Console, run_id: int) -> Run:
    """Queue a failed or cancelled run again; finished steps are taken from the cache."""
    _may_change(console)
    with console.database.write() as tx:
        return runs.requeue(tx, run_id, reason=f"resumed by {console.actor}")


def set_trigger_paused(console: Console, pipeline: str, name: str, *, paused: bool, reason: str = "") -> None:
    _may_change(console)
    with console.database.write() as tx:
        trigger = triggers.get(tx, pipeline, name)
        triggers.set_paused(tx, trigger.id, paused)
        _note(
            tx,
            console,
            "pause_trigger" if paused else "resume_trigger",
            f"{pipeline}/{name}",
            reason,
            before={"paused": trigger.paused},
            after={"paused": paused},
        )


def fire_trigger(console: Console, pipeline: str, name: str, *, reason: str = "") -> Run:
    """Start what the trigger starts, now, whatever its condition, cooldown and limit say."""
    _may_change(console)
    now = utc_now()
    with console.database.write() as tx:
        trigger = triggers.get(tx, pipeline, name)
        cause = {"kind": trigger.kind.value, "trigger": name, "by_hand": True, "reason": reason}
        run = runs.request(tx, pipeline, by=console.actor, cause=cause, now=now)
        triggers.record_firing(
            tx, trigger, now=now, fired=True, reason=reason or "fired by hand", evidence={}, run_id=run.id
        )
        return run


def acknowledge(console: Console, alert_id: int) -> Alert:
    _may_change(console)
    with console.database.write() as tx:
        return alerts.acknowledge(tx, alert_id, by=console.actor)


def _note(tx: Any, console: Console, act: str, subject: str, reason: str, *, before: Any, after: Any) -> None:
    ledger.append(
        tx,
        now=utc_now(),
        actor=console.actor,
        act=act,
        subject=subject,
        environment=console.environment,
        reason=reason,
        before=before,
        after=after,
    )


def _check_whole(console: Console, version: Version) -> None:
    """IntegrityError where what the server would load is not what was registered: it would not load it either."""
    store = ArtifactStore(console.settings.artifacts_url or console.workspace.artifacts)
    served = version.onnx if version.engine is Engine.ONNX and version.onnx is not None else version.artifact
    store.get(served)


def _may_change(console: Console) -> None:
    if console.read_only:
        raise NotAllowedError("this console is read-only", hint="start it without --read-only")
