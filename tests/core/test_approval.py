"""What a promotion asks of people beside the gates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.approval import (
    Approval,
    approvals_refusal,
    counting,
    gates_against,
    gates_refusal,
    missing_approvals,
    undo_right,
    who_may_approve,
)
from quarterdeck.core.gates import judge_bound
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.registry import Version
from quarterdeck.core.rights import Grant, Right, Role
from quarterdeck.core.values import Alias, Engine, Task, VersionState

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = ["ann", "bob", "cho", "ann as quarterdeck", "bob as root", "token:ci"]


def approval(person: str) -> Approval:
    return Approval(environment="production", model="flights", version=3, person=person, reason="", at=NOW)


def version(number: int = 3, *, auc: float = 0.8, cost: float = 90.0, state: VersionState | None = None) -> Version:
    verdicts = (
        judge_bound(metric="roc_auc_score", value=auc, n=900, minimum=0.7),
        judge_bound(metric="missed_delay_cost", value=cost, n=900, maximum=100.0),
    )
    return Version(
        model="flights", number=number, state=state or VersionState.ACCEPTED, run_id=1, created=NOW, artifact="a",
        onnx=None, engine=Engine.SKLEARN, engine_reason="", max_difference=None,
        signature=Signature(fields=(), task=Task.BINARY, target="late"), metrics={}, verdicts=verdicts, profile=None,
        trained_from=None, trained_to=None, rows=1, size_bytes=1,
    )  # fmt: skip


def approver(*gates: str) -> Grant:
    return Grant(
        person="ann", environment="production", role=Role.APPROVER, gates=gates or None, granted_by="root",
        granted_at=NOW,
    )  # fmt: skip


def test_one_person_through_two_accounts_is_one_approval() -> None:
    found = [approval("ann"), approval("ann as quarterdeck")]
    assert missing_approvals(found, {"ann"}, 2) == 1


def test_a_token_approves_nothing_whatever_role_it_has() -> None:
    assert missing_approvals([approval("token:ci")], {"token:ci"}, 1) == 1
    assert who_may_approve([], {"token:ci", "bob"}) == ["bob"]


def test_who_may_not_approve_any_more_does_not_count() -> None:
    assert counting([approval("ann"), approval("bob")], {"bob"}) == (approval("bob"),)


@given(st.lists(st.sampled_from(PEOPLE)), st.sets(st.sampled_from(PEOPLE)), st.integers(0, 2))
def test_what_is_missing_and_what_counts_add_up(people: list[str], holders: set[str], needed: int) -> None:
    found = [approval(person) for person in people]
    count = len(counting(found, holders))
    missing = missing_approvals(found, holders, needed)
    assert missing == max(0, needed - count)
    assert count <= len({"ann", "bob", "cho"} & holders)
    assert missing_approvals([*found, *found], holders, needed) == missing
    assert missing_approvals([*found, approval("cho")], holders, needed) <= missing


def test_a_refusal_for_approvals_says_how_many_and_who_may() -> None:
    error = approvals_refusal("flights@3", "production", missing=1, needed=2, given=["ann"], may=["bob", "cho"])
    assert "needs 1 more approval in production: approved by ann, and 2 people must" in error.message
    assert error.hint is not None and error.hint.endswith("who may approve: bob, cho")
    alone = approvals_refusal("flights@3", "production", missing=2, needed=2, given=[], may=[])
    assert "2 more approvals" in alone.message and "nobody has approved it" in alone.message
    assert alone.hint is not None and "nobody else" in alone.hint


def test_an_approver_is_bound_to_the_gates_that_their_grant_names() -> None:
    costly = version(cost=120.0)
    assert gates_against(approver("roc_auc_score"), costly) == []
    assert gates_against(approver("missed_delay_cost"), costly) == ["missed_delay_cost at most 100 is FAIL"]
    assert gates_against(approver("missed_delay_cost at most 100"), costly) != []
    assert gates_against(approver(), costly) == ["missed_delay_cost at most 100 is FAIL"]
    assert gates_against(approver(), version()) == []


def test_a_named_gate_that_was_not_asked_is_not_green() -> None:
    assert gates_against(approver("latency"), version()) == ["latency was not asked"]


def test_greater_roles_are_not_bound_to_gates() -> None:
    operator = replace(approver("latency"), role=Role.OPERATOR)
    assert gates_against(operator, version(auc=0.1)) == []
    assert gates_against(None, version(auc=0.1)) == []
    assert gates_refusal(operator, version(auc=0.1), "production", ["bob"]) is None


def test_a_refusal_for_gates_says_which_and_who_could() -> None:
    error = gates_refusal(approver("latency"), version(), "production", ["bob"])
    assert error is not None
    assert "only where latency pass: latency was not asked" in error.message
    assert error.hint is not None and "bob" in error.hint


NAMES = {Alias.CHAMPION: 2, Alias.PREVIOUS: 1, Alias.CHALLENGER: 4}


@pytest.mark.parametrize(
    ("to", "back", "expected"),
    [
        ({Alias.CHAMPION: 1}, version(1), (Right.DEMOTE, False)),
        ({Alias.CHAMPION: 3}, version(3), (Right.PROMOTE, True)),
        ({Alias.CHAMPION: 3}, version(3, auc=0.1), (Right.FORCE, True)),
        ({Alias.CHAMPION: 3}, version(3, state=VersionState.REJECTED), (Right.FORCE, True)),
        ({}, None, (Right.DEMOTE, False)),
        ({Alias.CHAMPION: 2, Alias.CHALLENGER: 5}, None, (Right.OPERATE, False)),
        ({Alias.CHAMPION: 2}, None, (Right.DEMOTE, False)),
    ],
    ids=["back to previous", "another", "not green", "rejected", "nobody", "a challenger", "no challenger"],
)
def test_undoing_needs_the_right_of_what_it_does(
    to: dict[Alias, int], back: Version | None, expected: tuple[Right, bool]
) -> None:
    assert undo_right(NAMES, to, back) == expected
