"""The registry: versions, the aliases that point at them, and the acts that move them.

Every act is one transaction with one ledger entry. An alias moves by compare-and-set: the caller says what it saw,
and the act is refused if that has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from quarterdeck.core.errors import ConflictError, NotFoundError
from quarterdeck.core.gates import GateResult
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.registry import Reference, Version, check_promotable, check_rollback, transition
from quarterdeck.core.values import Alias, Engine, VersionState
from quarterdeck.store import ledger
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import AliasRow, VersionRow

_version = table(VersionRow)
_alias = table(AliasRow)


def register(
    tx: Connection, draft: Version, *, actor: str, environment: str, reason: str, evidence: dict[str, Any]
) -> Version:
    """Add a version under the next number of its model (the draft's own number is not looked at)."""
    last = tx.execute(select(func.max(_version.c.number)).where(_version.c.model == draft.model)).scalar()
    number = (last or 0) + 1
    values = {name: getattr(draft, name) for name in _PLAIN} | {
        "number": number,
        "state": draft.state.value,
        "engine": draft.engine.value,
        "signature": draft.signature.to_json(),
        "metrics": dict(draft.metrics),
        "verdicts": [result.to_json() for result in draft.verdicts],
    }
    tx.execute(insert(_version).values(**values))
    ledger.append(
        tx,
        now=draft.created,
        actor=actor,
        act="register",
        subject=f"{draft.model}@{number}",
        environment=environment,
        reason=reason,
        evidence=evidence | {"artifact": draft.artifact, "metrics": dict(draft.metrics)},
        before={},
        after={"state": draft.state.value},
    )
    return get(tx, draft.model, number)


def get(tx: Connection, model: str, number: int) -> Version:
    row = tx.execute(select(_version).where(_version.c.model == model, _version.c.number == number)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no version {model}@{number}", hint=f"`quarterdeck model versions {model}`")
    return _to_version(row)


def resolve(tx: Connection, reference: Reference, environment: str) -> Version:
    """The version that `flights@3`, `flights@champion` or `flights` (its champion) means here."""
    if reference.version is not None:
        return get(tx, reference.model, reference.version)
    alias = reference.alias or Alias.CHAMPION
    number = aliases(tx, reference.model, environment).get(alias)
    if number is None:
        known = tx.execute(select(_version.c.model).where(_version.c.model == reference.model).limit(1)).scalar()
        what = f"{reference.model} has no {alias} in {environment}" if known else f"there is no model {reference.model}"
        raise NotFoundError(what, hint="`quarterdeck model list` shows the models")
    return get(tx, reference.model, number)


def versions(
    tx: Connection,
    *,
    model: str | None = None,
    state: VersionState | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[Version]:
    """The newest first."""
    query = select(_version).order_by(_version.c.created.desc(), _version.c.number.desc())
    if model is not None:
        query = query.where(_version.c.model == model)
    if state is not None:
        query = query.where(_version.c.state == state.value)
    return [_to_version(row) for row in tx.execute(query.limit(limit).offset(offset))]


def models(tx: Connection) -> list[str]:
    """Every model that has a version, by name."""
    return list(tx.execute(select(_version.c.model).distinct().order_by(_version.c.model)).scalars())


def aliases(tx: Connection, model: str, environment: str) -> dict[Alias, int]:
    where = (_alias.c.model == model, _alias.c.environment == environment)
    rows = tx.execute(select(_alias.c.alias, _alias.c.version).where(*where))
    return {Alias(alias): version for alias, version in rows}


def promote(
    tx: Connection,
    model: str,
    number: int,
    *,
    environment: str,
    actor: str,
    reason: str,
    now: datetime,
    saw_champion: int | None,
    force: bool = False,
    evidence: dict[str, Any] | None = None,
) -> Version:
    """Make a version the champion; the champion becomes previous. `saw_champion` is what the caller saw (or None)."""
    version = get(tx, model, number)
    found = aliases(tx, model, environment)
    _check_unchanged(model, environment, saw_champion, found.get(Alias.CHAMPION))
    champion = get(tx, model, found[Alias.CHAMPION]) if Alias.CHAMPION in found else None
    check_promotable(version, champion, force=force)
    after: dict[Alias, int] = {Alias.CHAMPION: number}
    if champion is not None:
        after[Alias.PREVIOUS] = champion.number
    if Alias.CHALLENGER in found and found[Alias.CHALLENGER] != number:
        after[Alias.CHALLENGER] = found[Alias.CHALLENGER]
    note = {"forced": True} if force else {}
    _move(
        tx,
        model,
        environment,
        found,
        after,
        act="promote",
        subject=number,
        actor=actor,
        reason=reason,
        now=now,
        evidence=(evidence or {}) | note,
    )
    return get(tx, model, number)


def rollback(
    tx: Connection,
    model: str,
    *,
    environment: str,
    actor: str,
    reason: str,
    now: datetime,
    saw_champion: int | None,
) -> Version:
    """Make the previous champion the champion again, at once: no gate and no analysis is asked."""
    found = aliases(tx, model, environment)
    _check_unchanged(model, environment, saw_champion, found.get(Alias.CHAMPION))
    previous = get(tx, model, found[Alias.PREVIOUS]) if Alias.PREVIOUS in found else None
    champion = get(tx, model, found[Alias.CHAMPION]) if Alias.CHAMPION in found else None
    check_rollback(champion, previous, model=model)
    after = dict(found)
    after[Alias.CHAMPION], after[Alias.PREVIOUS] = found[Alias.PREVIOUS], found[Alias.CHAMPION]
    _move(
        tx,
        model,
        environment,
        found,
        after,
        act="rollback",
        subject=after[Alias.CHAMPION],
        actor=actor,
        reason=reason,
        now=now,
        evidence={},
    )
    return get(tx, model, after[Alias.CHAMPION])


def challenge(
    tx: Connection, model: str, number: int, *, environment: str, actor: str, reason: str, now: datetime
) -> Version:
    """Let an accepted version answer in shadow beside the champion; another challenger steps back."""
    found = aliases(tx, model, environment)
    after = found | {Alias.CHALLENGER: number}
    _move(
        tx,
        model,
        environment,
        found,
        after,
        act="challenge",
        subject=number,
        actor=actor,
        reason=reason,
        now=now,
        evidence={},
    )
    return get(tx, model, number)


def withdraw(
    tx: Connection,
    model: str,
    *,
    environment: str,
    actor: str,
    reason: str,
    now: datetime,
    evidence: dict[str, Any] | None = None,
    lost: bool = False,
) -> None:
    """Take the challenger out of the traffic: the comparison ended without a promotion, or it `lost`."""
    found = aliases(tx, model, environment)
    if Alias.CHALLENGER not in found:
        raise NotFoundError(f"{model} has no challenger in {environment}")
    after = dict(found)
    del after[Alias.CHALLENGER]
    _move(
        tx,
        model,
        environment,
        found,
        after,
        act="withdraw",
        subject=found[Alias.CHALLENGER],
        actor=actor,
        reason=reason,
        now=now,
        evidence=evidence or {},
    )
    if lost:
        _set_state(tx, get(tx, model, found[Alias.CHALLENGER]), VersionState.REJECTED)


def _check_unchanged(model: str, environment: str, saw: int | None, found: int | None) -> None:
    if saw != found:
        raise ConflictError(
            f"the champion of {model} in {environment} is {_name(found)}, not {_name(saw)} as you saw it",
            hint="look again and decide again",
        )


def _move(
    tx: Connection,
    model: str,
    environment: str,
    before: Mapping[Alias, int],
    after: Mapping[Alias, int],
    *,
    act: str,
    subject: int,
    actor: str,
    reason: str,
    now: datetime,
    evidence: dict[str, Any],
) -> None:
    """Write the states and aliases that differ, and the one ledger entry."""
    entry = ledger.append(
        tx,
        now=now,
        actor=actor,
        act=act,
        subject=f"{model}@{subject}",
        environment=environment,
        reason=reason,
        evidence=evidence,
        before=_plain(before),
        after=_plain(after),
    )
    for number in sorted(set(before.values()) | set(after.values())):
        _set_state(tx, get(tx, model, number), _state_for(number, after))
    where = (_alias.c.environment == environment, _alias.c.model == model)
    for alias, number in after.items():
        if before.get(alias) != number:
            tx.execute(delete(_alias).where(*where, _alias.c.alias == alias.value))
            tx.execute(
                insert(_alias).values(
                    environment=environment,
                    model=model,
                    alias=alias.value,
                    version=number,
                    changed_at=now,
                    ledger_seq=entry.seq,
                )
            )
    for alias in set(before) - set(after):
        tx.execute(delete(_alias).where(*where, _alias.c.alias == alias.value))


def _state_for(number: int, after: Mapping[Alias, int]) -> VersionState:
    for alias in (Alias.CHAMPION, Alias.CHALLENGER, Alias.PREVIOUS):
        if after.get(alias) == number:
            return VersionState(alias.value)
    return VersionState.ACCEPTED


def _set_state(tx: Connection, version: Version, to: VersionState) -> None:
    if version.state is to:
        return
    transition(version.state, to)
    where = (_version.c.model == version.model, _version.c.number == version.number)
    tx.execute(update(_version).where(*where).values(state=to.value))


def _plain(found: Mapping[Alias, int]) -> dict[str, Any]:
    return {alias.value: number for alias, number in sorted(found.items())}


def _name(number: int | None) -> str:
    return "none" if number is None else f"version {number}"


_PLAIN = (
    "model",
    "run_id",
    "artifact",
    "onnx",
    "profile",
    "engine_reason",
    "max_difference",
    "trained_from",
    "trained_to",
    "rows",
    "size_bytes",
    "created",
)


def _to_version(row: Any) -> Version:
    return value_of(
        Version,
        row,
        state=VersionState,
        engine=Engine,
        signature=Signature.from_json,
        verdicts=lambda items: tuple(GateResult.from_json(item) for item in items),
    )
