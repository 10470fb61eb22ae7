"""Gate sets in the store: the versions of each model's gates, each made with a ledger entry."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select

from quarterdeck.core.errors import ConflictError, NotFoundError
from quarterdeck.core.gate_sets import (
    GateChange,
    GateSet,
    GateSource,
    change,
    gate_from_json,
    gate_json,
    gates_digest,
    merge,
    thresholds,
)
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import GateSpec, Manifest
from quarterdeck.store import ledger
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import GateSetRow

_gate_set = table(GateSetRow)
ACT = "gate_set"


def current(tx: Connection, model: str) -> GateSet | None:
    """The newest set; None where the model never had a gate."""
    return next(iter(history(tx, model, limit=1)), None)


def get(tx: Connection, model: str, number: int | None = None) -> GateSet:
    """The set of a number, or the newest. NotFoundError where there is none."""
    if number is None:
        found = current(tx, model)
    else:
        same = (_gate_set.c.model == model, _gate_set.c.number == number)
        row = tx.execute(select(_gate_set).where(*same)).one_or_none()
        found = None if row is None else _to_set(row)
    if found is None:
        what = f"{model} has no gates" if number is None else f"{model} has no gate set {number}"
        raise NotFoundError(what, hint=f"`quarterdeck gate history {model}` shows them")
    return found


def history(tx: Connection, model: str, *, limit: int = 100, offset: int = 0) -> list[GateSet]:
    """The newest first."""
    query = select(_gate_set).where(_gate_set.c.model == model).order_by(_gate_set.c.number.desc())
    return [_to_set(row) for row in tx.execute(query.limit(limit).offset(offset))]


def models(tx: Connection) -> list[str]:
    """The models that have gates, by name."""
    return list(tx.execute(select(_gate_set.c.model).distinct().order_by(_gate_set.c.model)).scalars())


def sync(tx: Connection, manifest: Manifest, audit: Audit) -> GateSet | None:
    """The set that judges now, after taking over what the manifest has changed; None without any gate."""
    known = current(tx, manifest.name)
    digest = gates_digest(manifest.gates)
    if known is None:
        if not manifest.gates:
            return None
        return _add(tx, None, manifest.name, manifest.gates, manifest.gates, GateSource.MANIFEST, audit)
    if known.manifest_digest == digest:
        return known
    gates, notes = merge(known.manifest_gates, known.gates, manifest.gates)
    said = audit.adding(overruled=list(notes)) if notes else audit
    return _add(tx, known, manifest.name, manifest.gates, gates, GateSource.MANIFEST, said)


def of_manifest(tx: Connection, manifest: Manifest) -> GateSet | None:
    """The newest set that was made from, or edited from, exactly this manifest's gates: one that was changed while a
    run went on is for the next run.
    """
    digest = gates_digest(manifest.gates)
    same = (_gate_set.c.model == manifest.name, _gate_set.c.manifest_digest == digest)
    row = tx.execute(select(_gate_set).where(*same).order_by(_gate_set.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else _to_set(row)


def edit(tx: Connection, model: str, key: str, asked: GateChange, audit: Audit, *, saw: int) -> GateSet:
    """A new set with other thresholds in one gate. ConflictError where the newest is not the one that was seen."""
    known = get(tx, model)
    if known.number != saw:
        raise ConflictError(
            f"the gates are set {known.number} now, by {known.author}; you saw set {saw}",
            where=model,
            hint=f"look again: `quarterdeck gate list {model}`",
        )
    changed = change(known.gate(key), asked)
    gates = tuple(changed if gate.key == key else gate for gate in known.gates)
    return _add(tx, known, model, known.manifest_gates, gates, GateSource.EDIT, audit.adding(gate=key))


def _add(
    tx: Connection,
    known: GateSet | None,
    model: str,
    manifest_gates: tuple[GateSpec, ...],
    gates: tuple[GateSpec, ...],
    source: GateSource,
    audit: Audit,
) -> GateSet:
    number = 1 if known is None else known.number + 1
    before = None if known is None else _noted(known.number, known.gates, gates)
    after = _noted(number, gates, () if known is None else known.gates)
    said = audit.adding(source=source.value, digest=gates_digest(gates))
    entry = ledger.append(tx, said, act=ACT, subject=model, before=before, after=after)
    made = GateSet(
        model=model,
        number=number,
        created=audit.at,
        author=audit.actor,
        source=source,
        manifest_digest=gates_digest(manifest_gates),
        manifest_gates=manifest_gates,
        gates=gates,
        ledger_seq=entry.seq,
    )
    tx.execute(
        insert(_gate_set).values(
            model=model,
            number=number,
            created=made.created,
            author=made.author,
            source=source.value,
            manifest_digest=made.manifest_digest,
            manifest_gates=[gate_json(gate) for gate in manifest_gates],
            gates=[gate_json(gate) for gate in gates],
            ledger_seq=entry.seq,
        )
    )
    return made


def _noted(number: int, gates: tuple[GateSpec, ...], others: tuple[GateSpec, ...]) -> dict[str, Any]:
    """The set's number, and its gates that the other set has not, each with its thresholds."""
    return {"gate_set": number, "gates": {gate.key: thresholds(gate) for gate in gates if gate not in others}}


def _to_set(row: Any) -> GateSet:
    def gates(items: list[dict[str, Any]]) -> tuple[GateSpec, ...]:
        return tuple(gate_from_json(item) for item in items)

    return value_of(GateSet, row, source=GateSource, manifest_gates=gates, gates=gates)
