"""What an action would change, before it is done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quarterdeck.console.queries.values import Aliases
from quarterdeck.console.tui.plans import ACTIONS, RIGHTS, Plan, Refusal, plan
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.core.rights import Right
from quarterdeck.core.values import Outcome, RunStatus, VersionState

CHALLENGER = Subject(
    kind=Kind.VERSION, key="flights@4", label="flights@4", model="flights", version=4, passed=3, gates=3,
    aliases=Aliases(champion=2, challenger=4, previous=1), state=VersionState.CHALLENGER,
)  # fmt: skip


def _plan(action: str, subject: Subject) -> Plan:
    found = plan(action, subject)
    assert isinstance(found, Plan)
    return found


def test_a_promotion_restates_every_alias_that_moves() -> None:
    found = _plan("promote", CHALLENGER)
    assert found.changes == (("champion", "2", "4"), ("previous", "1", "2"), ("challenger", "4", "none"))
    assert found.confirmed and found.live and not found.needs_reason


def test_in_production_alone_the_name_must_be_typed() -> None:
    found = _plan("promote", CHALLENGER)
    assert found.typed_name("production") == "flights"
    assert found.typed_name("staging") is None
    assert _plan("start", CHALLENGER).typed_name("production") is None


def test_a_version_that_failed_a_gate_is_forced_with_a_reason() -> None:
    found = _plan("promote", replace(CHALLENGER, state=VersionState.REJECTED, outcome=Outcome.FAIL, passed=2))
    assert found.needs_reason
    assert "against its gates" in found.title


def test_the_champion_cannot_be_promoted_again() -> None:
    assert plan("promote", replace(CHALLENGER, version=2)) == Refusal(why="flights@2 is the champion already")


def test_what_moves_names_is_taken_back_from_the_ledger() -> None:
    for action in ("promote", "rollback", "demote", "keep"):
        assert _plan(action, CHALLENGER).in_ledger


def test_a_demotion_says_that_nobody_answers_where_there_is_no_previous_version() -> None:
    found = _plan("demote", CHALLENGER)
    assert found.changes[0] == ("champion", "2", "1")
    assert found.needs_reason and found.live
    alone = _plan("demote", replace(CHALLENGER, aliases=Aliases(champion=2)))
    assert alone.changes[0] == ("champion", "2", "none")
    assert "NOBODY" in alone.notes[0][0]


def test_the_inverse_of_an_approval_is_taking_it_back() -> None:
    found = _plan("approve", CHALLENGER)
    assert found.undo is not None
    inverse = found.undo(None)
    assert isinstance(inverse, Plan) and inverse.action == "unapprove"


def test_a_plan_needs_the_right_of_its_action_and_force_needs_its_own() -> None:
    for action in ("promote", "rollback", "demote", "approve", "keep", "start"):
        assert _plan(action, CHALLENGER).right is RIGHTS[action]
    forced = replace(CHALLENGER, state=VersionState.REJECTED, outcome=Outcome.FAIL)
    assert _plan("promote", forced).right is Right.FORCE
    assert set(ACTIONS) <= set(RIGHTS)


def test_a_run_that_has_ended_cannot_be_cancelled() -> None:
    run = Subject(kind=Kind.RUN, key="7", label="run 7", model="fuel", run_id=7, run_status=RunStatus.FAILED)
    assert isinstance(plan("cancel", run), Refusal)
    assert isinstance(plan("cancel", replace(run, run_status=RunStatus.QUEUED)), Plan)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_answers_for_every_kind_of_row(action: str) -> None:
    assert isinstance(plan(action, None), Refusal)
    for kind in Kind:
        assert isinstance(plan(action, Subject(kind=kind, key="x", label="x")), Plan | Refusal)
