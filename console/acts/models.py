"""Acts on versions and the names they bear."""

from __future__ import annotations

from quarterdeck.console.acts.guard import audit_of, permitted
from quarterdeck.console.context import Console
from quarterdeck.core.errors import NotFoundError, UsageError
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.rights import Right
from quarterdeck.core.values import Alias, Engine
from quarterdeck.store import ledger, promotion, registry
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
        _check_whole(console, version)
        if saw_champion == LOOK:
            saw_champion = registry.aliases(tx, version.model, console.environment).get(Alias.CHAMPION)
        audit = audit_of(console, reason)
        return promotion.promote(tx, version.model, version.number, audit, saw_champion=saw_champion, force=force)


def rollback(console: Console, model: str, *, reason: str, saw_champion: int | None = LOOK) -> Version:
    """Make the previous champion the champion again, at once."""
    with permitted(console, Right.DEMOTE, act="rollback", subject=model) as tx:
        names = registry.aliases(tx, model, console.environment)
        if saw_champion == LOOK:
            saw_champion = names.get(Alias.CHAMPION)
        if Alias.PREVIOUS in names:
            _check_whole(console, registry.get(tx, model, names[Alias.PREVIOUS]))
        return promotion.rollback(tx, model, audit_of(console, reason), saw_champion=saw_champion)


def demote(console: Console, model: str, *, reason: str, saw_champion: int | None = LOOK) -> Version | None:
    """Reject the champion for cause; the previous one answers again, or nobody does."""
    with permitted(console, Right.DEMOTE, act="demote", subject=model) as tx:
        found = registry.aliases(tx, model, console.environment).get(Alias.CHAMPION)
        seen = found if saw_champion == LOOK else saw_champion
        if seen is None:
            raise NotFoundError(f"{model} has no champion in {console.environment}", hint="`quarterdeck model list`")
        return promotion.demote(tx, model, audit_of(console, reason), saw_champion=seen)


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
        promotion.withdraw(tx, model, audit_of(console, reason))


def retire(console: Console, reference: str, *, reason: str) -> Version:
    """Take a version out for good."""
    wanted = parse_reference(reference)
    if wanted.version is None:
        raise UsageError(f"{reference!r} does not say which version", hint=f"write {wanted.model}@NUMBER")
    with permitted(console, Right.OPERATE, act="retire", subject=reference) as tx:
        return registry.retire(tx, wanted.model, wanted.version, audit_of(console, reason))


def undo(console: Console, seq: int, *, reason: str) -> str:
    """Make the inverse of a ledger entry, as a new one; gives what was undone, in words."""
    with console.database.read() as tx:
        entry = ledger.get(tx, seq)
    with permitted(console, Right.OPERATE, act="undo", subject=entry.subject) as tx:
        return promotion.undo(tx, seq, audit_of(console, reason))


def _check_whole(console: Console, version: Version) -> None:
    """IntegrityError where what the server would load is not what was registered: it would not load it either."""
    store = ArtifactStore(console.settings.artifacts_url or console.workspace.artifacts)
    served = version.onnx if version.engine is Engine.ONNX and version.onnx is not None else version.artifact
    store.get(served)
