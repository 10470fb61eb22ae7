"""Promotions ask people as well as gates; undo asks what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.core.errors import ConflictError, NotAllowedError, RefusedError
from quarterdeck.core.rights import Role
from quarterdeck.core.values import Alias
from quarterdeck.store import approvals, ledger, registry

HERE = "production"
As = Callable[[str], Console]


@pytest.fixture
def as_(console: Console) -> As:
    """`ops` is admin, ann and bob approve, cho operates."""
    for person, role in (("ann", Role.APPROVER), ("bob", Role.APPROVER), ("cho", Role.OPERATOR)):
        acts.grant(console, person, role, environment=HERE, reason="for the test")

    def become(person: str) -> Console:
        console.actor = person
        return console

    return become


def ask_for(console: Console, people: int) -> None:
    path = console.workspace.pipelines_folder / "flights" / "pipeline.toml"
    path.write_text(path.read_text() + f"[rollout]\napprovals = {people}\n")


def names(console: Console) -> dict[Alias, int]:
    with console.database.read() as tx:
        return registry.aliases(tx, "flights", HERE)


def last(console: Console, act: str | None = None) -> Any:
    with console.database.read() as tx:
        return ledger.entries(tx, act=act, limit=1)[0]


def test_two_people_must_say_yes_and_one_through_two_accounts_is_one(as_: As) -> None:
    ask_for(as_("ops"), 2)
    acts.approve(as_("ann"), "flights@4", reason="good")
    with pytest.raises(ConflictError):
        acts.approve(as_("ann as quarterdeck"), "flights@4", reason="good")
    with pytest.raises(NotAllowedError, match="1 more approval"):
        acts.promote(as_("cho"), "flights@4", reason="r")
    assert names(as_("cho"))[Alias.CHAMPION] == 2
    entry = last(as_("cho"))
    assert entry.act == "refused" and entry.evidence["hint"].endswith("bob, cho, ops")
    acts.approve(as_("bob"), "flights@4", reason="good")
    assert acts.promote(as_("cho"), "flights@4", reason="r").number == 4


def test_force_gets_past_gates_and_not_past_people(as_: As) -> None:
    ask_for(as_("ops"), 1)
    with pytest.raises(NotAllowedError, match="1 more approval"):
        acts.promote(as_("cho"), "flights@3", reason="r", force=True)
    acts.approve(as_("bob"), "flights@3", reason="I know why it failed")
    assert acts.promote(as_("cho"), "flights@3", reason="r", force=True).number == 3


def test_what_the_gates_refuse_is_said_before_anybody_is_asked_to_approve(as_: As) -> None:
    ask_for(as_("ops"), 2)
    with pytest.raises(RefusedError, match="FAIL"):
        acts.promote(as_("cho"), "flights@3", reason="r")


def test_a_manifest_that_cannot_be_read_stops_promotions_and_no_rollback(as_: As) -> None:
    console = as_("cho")
    (console.workspace.pipelines_folder / "flights" / "pipeline.toml").write_text("[pipeline\n")
    with pytest.raises(RefusedError, match="cannot be told"):
        acts.promote(console, "flights@4", reason="r")
    assert acts.rollback(console, "flights", reason="r").number == 1


def test_an_approver_promotes_where_the_named_gates_are_green_and_never_by_force(as_: As) -> None:
    acts.grant(as_("ops"), "ann", Role.APPROVER, environment=HERE, reason="r", gates=("log_loss",))
    with pytest.raises(NotAllowedError, match="log_loss was not asked") as caught:
        acts.promote(as_("ann"), "flights@4", reason="r")
    assert "cho" in (caught.value.hint or "")
    with pytest.raises(NotAllowedError, match="promote past a gate"):
        acts.promote(as_("ann"), "flights@3", reason="r", force=True)
    acts.grant(as_("ops"), "ann", Role.APPROVER, environment=HERE, reason="r", gates=("missed_delay_cost",))
    assert acts.promote(as_("ann"), "flights@4", reason="r").number == 4
    assert acts.rollback(as_("ann"), "flights", reason="r").number == 2


def test_what_is_demoted_loses_its_approvals_and_undoing_that_needs_new_ones(as_: As) -> None:
    ask_for(as_("ops"), 1)
    acts.approve(as_("bob"), "flights@4", reason="good")
    acts.promote(as_("cho"), "flights@4", reason="r")
    acts.demote(as_("ann"), "flights", reason="wrong for Newark")
    event = last(as_("cho"), "demote").seq
    with console_read(as_("cho")) as tx:
        assert approvals.approvals(tx, "flights", 4, HERE) == []
    with pytest.raises(NotAllowedError, match="promote past a gate"):
        acts.undo(as_("ann"), event, reason="r")
    with pytest.raises(NotAllowedError, match="1 more approval"):
        acts.undo(as_("cho"), event, reason="r")
    acts.approve(as_("bob"), "flights@4", reason="it was the data")
    acts.undo(as_("cho"), event, reason="it was the data")
    assert names(as_("cho"))[Alias.CHAMPION] == 4


def test_an_approver_takes_a_promotion_back_as_they_may_roll_back(as_: As) -> None:
    acts.promote(as_("cho"), "flights@4", reason="r")
    acts.undo(as_("ann"), last(as_("ann"), "promote").seq, reason="not so fast")
    assert names(as_("ann")) == {Alias.CHAMPION: 2, Alias.PREVIOUS: 1, Alias.CHALLENGER: 4}


def test_undo_is_refused_once_something_changed_since(as_: As) -> None:
    acts.promote(as_("cho"), "flights@4", reason="r")
    event = last(as_("cho"), "promote").seq
    acts.rollback(as_("cho"), "flights", reason="r")
    with pytest.raises(ConflictError, match="has changed since"):
        acts.undo(as_("cho"), event, reason="r")


def test_a_retired_version_is_taken_back_by_an_operator(as_: As) -> None:
    acts.retire(as_("cho"), "flights@3", reason="r")
    event = last(as_("cho"), "retire").seq
    with pytest.raises(NotAllowedError):
        acts.undo(as_("ann"), event, reason="r")
    acts.undo(as_("cho"), event, reason="r")
    with console_read(as_("cho")) as tx:
        assert registry.get(tx, "flights", 3).state == "rejected"


def console_read(console: Console) -> Any:
    return console.database.read()
