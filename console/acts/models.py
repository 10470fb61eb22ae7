"""Acts on versions and the names they bear."""

from __future__ import annotations

from sqlalchemy import Connection

from quarterdeck.console.acts.guard import audit_of, permitted, require
from quarterdeck.console.context import Console
from quarterdeck.core.approval import gates_refusal, undo_right
from quarterdeck.core.errors import NotFoundError, UsageError
from quarterdeck.core.ledger import ALIAS_ACTS, Entry
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.rights import Right
from quarterdeck.core.values import Alias, Engine
from quarterdeck.store import approvals, ledger, promotion, registry, rights, rollouts
from quarterdeck.store.artifacts import ArtifactStore

LOOK = -1  # for `saw_champion`: take the champion as it is at the time of the act


def promote(
    console: Console, reference: str, *, reason: str, saw_champion: int | None = LOOK, force: bool = False
) -> Version:
    """Make a version the champion. `saw_champion` is the champion's number that the operator saw, None for none."""
    wanted = parse_reference(reference)
    if wanted.version is None and wanted.alias is not Alias.CHALLENGER:
        raise UsageError(f"{reference!r} does not say which version", hint=f"write {wanted.model}@NUMBER")
    right = Right.FORCE if force else Right.PROMOTE
    with permitted(console, right, act="promote", subject=reference) as tx:
        version = registry.resolve(tx, wanted, console.environment)
        _check_gates(tx, console, version)
        _check_whole(console, version)
        if saw_champion == LOOK:
            saw_champion = registry.aliases(tx, version.model, console.environment).get(Alias.CHAMPION)
        audit = audit_of(console, reason)
        done = promotion.promote(tx, version.model, version.number, audit, saw_champion=saw_champion, force=force)
        _check_approvals(tx, console, version)  # last: what the rules refuse anyhow needs nobody's yes
        rollouts.reconcile_with(tx, version.model, audit)
        return done


def rollback(console: Console, model: str, *, reason: str, saw_champion: int | None = LOOK) -> Version:
    """Make the previous champion the champion again, at once."""
    with permitted(console, Right.DEMOTE, act="rollback", subject=model) as tx:
        names = registry.aliases(tx, model, console.environment)
        if saw_champion == LOOK:
            saw_champion = names.get(Alias.CHAMPION)
        if Alias.PREVIOUS in names:
            _check_whole(console, registry.get(tx, model, names[Alias.PREVIOUS]))
        audit = audit_of(console, reason)
        done = promotion.rollback(tx, model, audit, saw_champion=saw_champion)
        rollouts.reconcile_with(tx, model, audit)
        return done


def demote(console: Console, model: str, *, reason: str, saw_champion: int | None = LOOK) -> Version | None:
    """Reject the champion for cause; the previous one answers again, or nobody does."""
    with permitted(console, Right.DEMOTE, act="demote", subject=model) as tx:
        found = registry.aliases(tx, model, console.environment).get(Alias.CHAMPION)
        seen = found if saw_champion == LOOK else saw_champion
        if seen is None:
            raise NotFoundError(f"{model} has no champion in {console.environment}", hint="`quarterdeck model list`")
        audit = audit_of(console, reason)
        back = promotion.demote(tx, model, audit, saw_champion=seen)
        approvals.clear(tx, model, seen, audit)
        rollouts.reconcile_with(tx, model, audit)
        return back


def challenge(console: Console, reference: str, *, reason: str) -> Version:
    """Let a version answer in shadow beside the champion."""
    wanted = parse_reference(reference)
    if wanted.version is None:
        raise UsageError(f"{reference!r} does not say which version", hint=f"write {wanted.model}@NUMBER")
    with permitted(console, Right.OPERATE, act="challenge", subject=reference) as tx:
        return promotion.challenge(tx, wanted.model, wanted.version, audit_of(console, reason))


def withdraw(console: Console, model: str, *, reason: str) -> None:
    """Keep the champion: take the challenger out of the traffic."""
    with permitted(console, Right.DEMOTE, act="withdraw", subject=model) as tx:
        audit = audit_of(console, reason)
        promotion.withdraw(tx, model, audit)
        rollouts.reconcile_with(tx, model, audit)


def retire(console: Console, reference: str, *, reason: str) -> Version:
    """Take a version out for good."""
    wanted = parse_reference(reference)
    if wanted.version is None:
        raise UsageError(f"{reference!r} does not say which version", hint=f"write {wanted.model}@NUMBER")
    with permitted(console, Right.OPERATE, act="retire", subject=reference) as tx:
        return registry.retire(tx, wanted.model, wanted.version, audit_of(console, reason))


def undo(console: Console, seq: int, *, reason: str) -> str:
    """Make the inverse of a ledger entry, as a new one; gives what was undone, in words.

    Where that makes a champion which is not the previous one, all is asked that a promotion asks.
    """
    with console.database.read() as tx:
        entry = ledger.get(tx, seq)
        right, _ = _undoing(tx, console, entry)
    with permitted(console, right, act="undo", subject=entry.subject) as tx:
        right, champion = _undoing(tx, console, entry)
        require(tx, console, right)  # what is live may have changed since
        if champion is not None:
            _check_gates(tx, console, champion)
            _check_whole(console, champion)
        audit = audit_of(console, reason)
        done = promotion.undo(tx, seq, audit)
        if champion is not None:
            _check_approvals(tx, console, champion)
        rollouts.reconcile_with(tx, entry.subject.partition("@")[0], audit)
        return done


def _undoing(tx: Connection, console: Console, entry: Entry) -> tuple[Right, Version | None]:
    """The right that undoing an entry needs, and the version that it promotes, if it does."""
    if entry.act not in ALIAS_ACTS:
        return Right.OPERATE, None
    model = entry.subject.partition("@")[0]
    names = registry.aliases(tx, model, console.environment)
    to = {Alias(alias): int(number) for alias, number in entry.before.items()}
    champion = to.get(Alias.CHAMPION)
    moves = champion is not None and champion != names.get(Alias.CHAMPION)
    back = registry.get(tx, model, champion) if champion is not None and moves else None
    right, promotes = undo_right(names, to, back)
    return right, back if promotes else None


def check_promotion(tx: Connection, console: Console, version: Version) -> None:
    """All that a person's promotion asks beside the right: green gates, a whole artifact, the approvals."""
    _check_gates(tx, console, version)
    _check_whole(console, version)
    _check_approvals(tx, console, version)


def _check_gates(tx: Connection, console: Console, version: Version) -> None:
    """NotAllowedError for an approver whose named gates are not green."""
    grant = rights.grant_of(tx, console.person, console.environment)
    operators = rights.holders(tx, Right.FORCE, console.environment)
    refusal = gates_refusal(grant, version, console.environment, operators)
    if refusal is not None:
        raise refusal


def _check_approvals(tx: Connection, console: Console, version: Version) -> None:
    """NotAllowedError where people must still approve it."""
    needed = approvals.needed(console.workspace, version)
    refusal = approvals.refused(tx, version.model, version.number, console.environment, needed)
    if refusal is not None:
        raise refusal


def _check_whole(console: Console, version: Version) -> None:
    """IntegrityError where what the server would load is not what was registered: it would not load it either."""
    store = ArtifactStore(console.settings.artifacts_url or console.workspace.artifacts)
    served = version.onnx if version.engine is Engine.ONNX and version.onnx is not None else version.artifact
    store.get(served)
