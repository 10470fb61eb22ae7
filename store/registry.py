"""The registry: versions, and what the names that point at them are. promotion.py moves the names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, select, update

from quarterdeck.core.errors import ConflictError, NotFoundError, RefusedError
from quarterdeck.core.gates import GateResult
from quarterdeck.core.ledger import Audit
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.registry import PLACES, Reference, Version, transition
from quarterdeck.core.toml_table import expected_names
from quarterdeck.core.values import Alias, Engine, ModelKind, VersionState
from quarterdeck.store import ledger
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import AliasRow, VersionRow

_version = table(VersionRow)
_alias = table(AliasRow)

# Made once: a statement takes longer to build than to run.
_LAST = select(func.max(_version.c.number)).where(_version.c.model == bindparam("model"))
_GET = select(_version).where(_version.c.model == bindparam("model"), _version.c.number == bindparam("number"))
_INSERT = insert(_version)
_SET_STATE = update(_version).where(_version.c.model == bindparam("of"), _version.c.number == bindparam("which"))
_SET_EXPECTED = (
    update(_version)
    .where(_version.c.model == bindparam("of"), _version.c.number == bindparam("which"))
    .values(expected=bindparam("sha256"))
)
_NAMES = select(_alias.c.alias, _alias.c.version).where(_alias.c.model == bindparam("model"))
_ALIASES = _NAMES.where(_alias.c.environment == bindparam("environment"))


def register(tx: Connection, draft: Version, audit: Audit) -> Version:
    """Add a version under the next number of its model (the draft's own number is not looked at)."""
    number = (tx.execute(_LAST, {"model": draft.model}).scalar() or 0) + 1
    values = {name: getattr(draft, name) for name in _PLAIN} | {
        "number": number,
        "state": draft.state.value,
        "kind": draft.kind.value,
        "engine": draft.engine.value,
        "signature": draft.signature.to_json(),
        "metrics": dict(draft.metrics),
        "verdicts": [result.to_json() for result in draft.verdicts],
    }
    tx.execute(_INSERT, values)
    ledger.append(
        tx,
        audit.adding(artifact=draft.artifact, metrics=dict(draft.metrics)),
        act="register",
        subject=f"{draft.model}@{number}",
        before={},
        after={"state": draft.state.value},
    )
    return replace(draft, number=number)


def get(tx: Connection, model: str, number: int) -> Version:
    row = tx.execute(_GET, {"model": model, "number": number}).one_or_none()
    if row is None:
        if tx.execute(_LAST, {"model": model}).scalar() is None:
            raise _no_model(tx, model)
        raise NotFoundError(f"there is no version {model}@{number}", hint=f"`quarterdeck model versions {model}`")
    return _to_version(row)


def resolve(tx: Connection, reference: Reference, environment: str) -> Version:
    """The version that `flights@3`, `flights@champion` or `flights` (its champion) means here."""
    if reference.version is not None:
        return get(tx, reference.model, reference.version)
    alias = reference.alias or Alias.CHAMPION
    number = aliases(tx, reference.model, environment).get(alias)
    if number is None:
        newest = tx.execute(_LAST, {"model": reference.model}).scalar()
        if newest is None:
            raise _no_model(tx, reference.model)
        hint = f"its newest version is {reference.model}@{newest}"
        raise NotFoundError(f"{reference.model} has no {alias} in {environment}", hint=hint)
    return get(tx, reference.model, number)


def _no_model(tx: Connection, model: str) -> NotFoundError:
    known = models(tx)
    hint = expected_names(model, known) if known else "`quarterdeck pipeline run NAME` makes one"
    return NotFoundError(f"there is no model {model}", hint=hint)


def versions(
    tx: Connection,
    *,
    model: str | None = None,
    state: VersionState | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[Version]:
    """The newest first. Each order has its index: a page of 100,000 versions is as quick as one of ten."""
    query = select(_version)
    if model is not None:
        query = query.where(_version.c.model == model).order_by(_version.c.number.desc())
    else:
        query = query.order_by(_version.c.created.desc(), _version.c.model, _version.c.number.desc())
    if state is not None:
        query = query.where(_version.c.state == state.value)
    return [_to_version(row) for row in tx.execute(query.limit(limit).offset(offset))]


def models(tx: Connection) -> list[str]:
    """Every model that has a version, by name."""
    return list(tx.execute(select(_version.c.model).distinct().order_by(_version.c.model)).scalars())


def aliases(tx: Connection, model: str, environment: str) -> dict[Alias, int]:
    rows = tx.execute(_ALIASES, {"model": model, "environment": environment})
    return {Alias(alias): version for alias, version in rows}


def retire(tx: Connection, model: str, number: int, audit: Audit) -> Version:
    """Take a version out for good. Refused while it bears a name in any environment."""
    version = get(tx, model, number)
    bears = tx.execute(select(_alias.c.alias, _alias.c.environment).where(_same(version))).all()
    if bears:
        names = ", ".join(f"{alias} in {environment}" for alias, environment in bears)
        hint = "roll back, demote or withdraw it first"
        raise RefusedError(f"it is {names}", where=version.reference, hint=hint)
    transition(version.state, VersionState.RETIRED)
    states = {"before": {"state": version.state.value}, "after": {"state": VersionState.RETIRED.value}}
    ledger.append(tx, audit, act="retire", subject=version.reference, **states)
    set_state(tx, version, VersionState.RETIRED)
    return get(tx, model, number)


def keep_expected(tx: Connection, version: Version, sha256: str, audit: Audit) -> Version:
    """Give a version of before its expected inputs, once. ConflictError where it has some meanwhile."""
    if get(tx, version.model, version.number).expected is not None:
        raise ConflictError("it has expected inputs already", where=version.reference)
    ledger.append(tx, audit, act="keep_expected", subject=version.reference, before={}, after={"expected": sha256})
    tx.execute(_SET_EXPECTED, {"of": version.model, "which": version.number, "sha256": sha256})
    return get(tx, version.model, version.number)


def settle_states(
    tx: Connection, model: str, versions: Mapping[int, Version], standings: Mapping[int, VersionState]
) -> dict[int, Version]:
    """Give versions the state that their names mean: the highest place over all environments, else their standing."""
    bears: dict[int, set[str]] = {}
    for alias, number in tx.execute(_NAMES, {"model": model}):
        bears.setdefault(number, set()).add(alias)
    settled = {}
    for number, version in versions.items():
        place = next((state for state in PLACES if state.value in bears.get(number, ())), None)
        known = standings.get(number)
        settled[number] = set_state(tx, version, place or (known if known not in PLACES else None) or version.standing)
    return settled


def set_state(tx: Connection, version: Version, to: VersionState) -> Version:
    """The version in its new state."""
    if version.state is to:
        return version
    transition(version.state, to)
    tx.execute(_SET_STATE, {"of": version.model, "which": version.number, "state": to.value})
    return replace(version, state=to)


def _same(version: Version) -> ColumnElement[bool]:
    return and_(_alias.c.model == version.model, _alias.c.version == version.number)


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
    "gate_set",
    "evaluation",
    "expected",
    "performance",
    "origin",
)


def _to_version(row: Any) -> Version:
    return value_of(
        Version,
        row,
        state=VersionState,
        kind=ModelKind,
        engine=Engine,
        signature=Signature.from_json,
        verdicts=lambda items: tuple(GateResult.from_json(item) for item in items),
    )
