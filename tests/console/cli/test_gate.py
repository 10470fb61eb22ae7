"""`quarterdeck gate`: what a version must pass is seen, set by who may, and judged again."""

from __future__ import annotations

import getpass
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quarterdeck.core.gates import judge_bound
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import GateSpec, Manifest
from quarterdeck.core.rights import EVERYWHERE, Role
from quarterdeck.core.values import Task
from quarterdeck.store import gate_sets, ledger, registry, rights

GATES = (
    GateSpec(metric="roc_auc_score", minimum=0.65, owner="network-operations"),
    GateSpec(metric="roc_auc_score", not_worse_than="champion", margin=0.02),
)
AUDIT = Audit(
    actor="quarterdeck", environment=None, at=datetime(2026, 3, 1, tzinfo=UTC), reason="as pipeline.toml says"
)
EDIT = ("gate", "edit", "flights", "roc_auc_score min", "--reason", "new contract", "--min")


@pytest.fixture(autouse=True)
def first_set(database) -> None:
    manifest = Manifest(name="flights", task=Task.BINARY, target="late", steps=(), folder=Path("/w"), gates=GATES)
    with database.write() as tx:
        gate_sets.sync(tx, manifest, AUDIT)


def test_the_gates_are_listed_by_their_keys(quarterdeck) -> None:
    said = quarterdeck("gate", "list", "flights")
    assert said.code == 0
    assert "roc_auc_score not_worse_than" in said.out
    assert "at least 0.65" in said.out
    found = quarterdeck("gate", "list", "flights", "--json").json
    assert [gate["key"] for gate in found["gates"]] == ["roc_auc_score min", "roc_auc_score not_worse_than"]


def test_an_edit_is_a_new_set_that_history_and_show_explain(quarterdeck, database) -> None:
    said = quarterdeck(*EDIT, "0.7")
    assert (said.code, said.err) == (0, "")
    assert "set 2 of flights judges from the next run on" in said.out
    shown = quarterdeck("gate", "show", "flights").out
    assert "roc_auc_score min: min 0.65 to min 0.7" in shown
    assert "new contract" in shown
    sets = quarterdeck("gate", "history", "flights", "--json").json
    assert [(item["set"], item["source"]) for item in sets] == [(2, "edit"), (1, "manifest")]
    assert quarterdeck("gate", "show", "flights", "--set", "1", "--json").json["gates"][0]["minimum"] == 0.65
    with database.read() as tx:
        assert ledger.entries(tx, limit=1)[0].actor == getpass.getuser()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("gate", "edit", "flights", "roc_auc min", "--min", "1", "--reason", "x"), 3, "did you mean"),
        (("gate", "edit", "flights", "roc_auc_score min", "--max", "1", "--reason", "x"), 2, "has no max"),
        (("gate", "edit", "flights", "roc_auc_score min", "--min", "0.7"), 2, "--reason"),
        ((*EDIT, "0.7", "--saw", "9"), 4, "you saw set 9"),
        ((*EDIT, "0.65"), 1, "says that already"),
        (("gate", "list", "fligts"), 3, "did you mean `flights`?"),
        (("gate", "show", "flights", "--set", "7"), 3, "no gate set 7"),
    ],
)
def test_what_cannot_be_done_says_why(quarterdeck, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = quarterdeck(*arguments)
    assert done.code == code
    assert said in done.err


def test_an_approver_edits_only_the_gates_that_their_role_names(quarterdeck, database) -> None:
    audit = Audit(actor="root", environment=None, at=AUDIT.at)
    me = getpass.getuser()
    with database.write() as tx:
        rights.grant(tx, "chief", EVERYWHERE, Role.ADMIN, audit)
        rights.grant(tx, me, EVERYWHERE, Role.APPROVER, audit, gates=("missed_delay_cost",))
    refused = quarterdeck(*EDIT, "0.7")
    assert refused.code == 5
    assert "may edit only missed_delay_cost" in refused.err
    assert "chief" in refused.err
    with database.write() as tx:
        assert ledger.entries(tx, limit=1)[0].act == "refused"
        rights.grant(tx, me, EVERYWHERE, Role.APPROVER, audit, gates=("roc_auc_score min",))
    assert quarterdeck(*EDIT, "0.7").code == 0


def test_an_edit_that_turns_the_last_verdict_is_asked_for(quarterdeck, database) -> None:
    said = quarterdeck(*EDIT, "0.99")
    assert said.code == 2 and "--yes" in said.err
    with database.read() as tx:
        assert gate_sets.get(tx, "flights").number == 1
    said = quarterdeck(*EDIT, "0.99", "--yes")
    assert said.code == 0 and "min 0.65 to min 0.99" in said.out


def test_a_verdict_by_another_limit_than_now_is_called_stale(quarterdeck, database) -> None:
    with database.write() as tx:
        judged = replace(judge_bound(metric="roc_auc_score", value=0.7, n=900, minimum=0.65), key="roc_auc_score min")
        third = replace(registry.get(tx, "flights", 3), verdicts=(judged,), gate_set=1)
        registry.register(tx, third, replace(AUDIT, actor="ann"))
    assert "as it is now" in quarterdeck("gate", "list", "flights").out
    assert quarterdeck(*EDIT, "0.8", "--yes").code == 0
    assert "set 1, min 0.65: stale" in quarterdeck("gate", "list", "flights").out
    found = quarterdeck("gate", "list", "flights", "--json").json
    assert (found["last_set"], list(found["stale"])) == (1, ["roc_auc_score min"])


def test_a_viewer_edits_none(quarterdeck, database) -> None:
    audit = Audit(actor="root", environment=None, at=AUDIT.at)
    with database.write() as tx:
        rights.grant(tx, "chief", EVERYWHERE, Role.ADMIN, audit)
        rights.grant(tx, getpass.getuser(), EVERYWHERE, Role.VIEWER, audit)
    assert quarterdeck(*EDIT, "0.7").code == 5


def test_kept_values_are_held_against_the_gates_of_now(quarterdeck) -> None:
    assert quarterdeck("gate", "judge", "flights@2").code == 0
    assert quarterdeck(*EDIT, "0.99", "--yes").code == 0
    said = quarterdeck("gate", "judge", "flights@2")
    assert said.code == 1
    assert "FAIL" in said.out and "takes the rows" in said.out
    assert quarterdeck("gate", "judge", "flights@2", "--set", "1").code == 0
