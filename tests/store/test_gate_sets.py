"""Gate sets in the store: numbered, audited, and edited only by who saw the newest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quarterdeck.core.errors import ConflictError, NotFoundError, RefusedError
from quarterdeck.core.gate_sets import GateChange, GateSource
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import GateSpec, Manifest
from quarterdeck.core.values import Task
from quarterdeck.store import auditing, gate_sets, ledger
from quarterdeck.store.engine import Database

AUC = GateSpec(metric="roc_auc_score", minimum=0.65)
COST = GateSpec(metric="cost", maximum=0.97)
MANIFEST = Manifest(name="flights", task=Task.BINARY, target="late", steps=(), folder=Path("/w"), gates=(AUC, COST))
AUDIT = Audit(actor="ada", environment=None, at=datetime(2026, 3, 1, tzinfo=UTC), reason="new contract")
CHEAPER = GateChange(maximum=0.9)


def test_the_manifests_gates_are_the_first_set_and_the_same_again_is_none(database: Database) -> None:
    with database.write() as tx:
        first = gate_sets.sync(tx, MANIFEST, AUDIT)
        assert first is not None
        assert (first.number, first.source, first.gates) == (1, GateSource.MANIFEST, (AUC, COST))
        assert gate_sets.sync(tx, replace(MANIFEST, gates=(COST, AUC)), AUDIT) == first
        assert gate_sets.current(tx, "flights") == first
        assert len(ledger.entries(tx, act="gate_set")) == 1


def test_a_manifest_without_gates_has_no_set(database: Database) -> None:
    with database.write() as tx:
        assert gate_sets.sync(tx, replace(MANIFEST, gates=()), AUDIT) is None
        with pytest.raises(NotFoundError, match="has no gates"):
            gate_sets.get(tx, "flights")


def test_an_edit_is_a_new_set_with_who_when_and_why_in_the_ledger(database: Database) -> None:
    with database.write() as tx:
        gate_sets.sync(tx, MANIFEST, AUDIT)
        made = gate_sets.edit(tx, "flights", "cost max", CHEAPER, AUDIT, saw=1)
        entry = ledger.get(tx, made.ledger_seq)
        assert (made.number, made.source, made.author) == (2, GateSource.EDIT, "ada")
        assert made.gates == (AUC, replace(COST, maximum=0.9))
        assert made.edited(made.gates[1]) and not made.edited(AUC)
        assert (entry.act, entry.subject, entry.actor, entry.reason) == ("gate_set", "flights", "ada", "new contract")
        assert entry.before == {"gate_set": 1, "gates": {"cost max": "max 0.97"}}
        assert entry.after == {"gate_set": 2, "gates": {"cost max": "max 0.9"}}
        assert gate_sets.get(tx, "flights", 1).gates == (AUC, COST)
        assert auditing.verify(tx)[1] == []


def test_who_did_not_see_the_newest_set_is_refused(database: Database) -> None:
    with database.write() as tx:
        gate_sets.sync(tx, MANIFEST, AUDIT)
        gate_sets.edit(tx, "flights", "cost max", CHEAPER, AUDIT, saw=1)
        with pytest.raises(ConflictError, match="set 2 now, by ada; you saw set 1"):
            gate_sets.edit(tx, "flights", "cost max", GateChange(maximum=0.8), AUDIT, saw=1)


def test_an_unknown_gate_and_an_edit_that_changes_nothing_are_refused_and_leave_nothing(database: Database) -> None:
    with database.write() as tx:
        gate_sets.sync(tx, MANIFEST, AUDIT)
        with pytest.raises(NotFoundError, match="cost max"):
            gate_sets.edit(tx, "flights", "cost mx", CHEAPER, AUDIT, saw=1)
        with pytest.raises(RefusedError, match="already"):
            gate_sets.edit(tx, "flights", "cost max", GateChange(maximum=0.97), AUDIT, saw=1)
        assert [item.number for item in gate_sets.history(tx, "flights")] == [1]


def test_an_edit_survives_a_manifest_that_changes_elsewhere(database: Database) -> None:
    with database.write() as tx:
        gate_sets.sync(tx, MANIFEST, AUDIT)
        gate_sets.edit(tx, "flights", "cost max", CHEAPER, AUDIT, saw=1)
        third = gate_sets.sync(tx, replace(MANIFEST, gates=(replace(AUC, minimum=0.7), COST)), AUDIT)
        assert third is not None
        assert third.gates == (replace(AUC, minimum=0.7), replace(COST, maximum=0.9))
        assert third.source is GateSource.MANIFEST
        assert "overruled" not in ledger.get(tx, third.ledger_seq).evidence


def test_what_the_manifest_overrules_is_in_the_ledger(database: Database) -> None:
    with database.write() as tx:
        gate_sets.sync(tx, MANIFEST, AUDIT)
        gate_sets.edit(tx, "flights", "cost max", CHEAPER, AUDIT, saw=1)
        third = gate_sets.sync(tx, replace(MANIFEST, gates=(AUC, replace(COST, maximum=1.2))), AUDIT)
        assert third is not None
        assert third.gates[1].maximum == 1.2
        said = ledger.get(tx, third.ledger_seq).evidence["overruled"]
        assert said == ["cost max: the manifest's max 1.2 in place of the edited max 0.9"]


def test_a_run_is_judged_by_the_newest_set_of_its_own_manifest(database: Database) -> None:
    newer = replace(MANIFEST, gates=(AUC,))
    with database.write() as tx:
        gate_sets.sync(tx, MANIFEST, AUDIT)
        edited = gate_sets.edit(tx, "flights", "cost max", CHEAPER, AUDIT, saw=1)
        gate_sets.sync(tx, newer, AUDIT)
        assert gate_sets.of_manifest(tx, MANIFEST) == edited
        assert gate_sets.of_manifest(tx, newer) == gate_sets.current(tx, "flights")
        assert gate_sets.of_manifest(tx, replace(MANIFEST, gates=(COST,))) is None
        assert gate_sets.models(tx) == ["flights"]
