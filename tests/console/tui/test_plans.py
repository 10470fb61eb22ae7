"""What an action would change, before it is done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quarterdeck.console.queries.values import Aliases
from quarterdeck.console.tui.plans import ACTIONS, Plan, Refusal, plan
from quarterdeck.console.tui.subject import Kind, Subject
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


def test_the_inverse_of_a_promotion_is_a_rollback_to_the_champion_it_replaced() -> None:
    found = _plan("promote", CHALLENGER)
    assert found.undo is not None
    inverse = found.undo(None)
    assert isinstance(inverse, Plan)
    assert inverse.changes[0] == ("champion", "4", "2")


def test_without_a_champion_before_there_is_nothing_to_undo() -> None:
    found = _plan("promote", replace(CHALLENGER, aliases=Aliases()))
    assert found.undo is not None
    assert isinstance(found.undo(None), str)


def test_a_run_that_has_ended_cannot_be_cancelled() -> None:
    run = Subject(kind=Kind.RUN, key="7", label="run 7", model="fuel", run_id=7, run_status=RunStatus.FAILED)
    assert isinstance(plan("cancel", run), Refusal)
    assert isinstance(plan("cancel", replace(run, run_status=RunStatus.QUEUED)), Plan)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_answers_for_every_kind_of_row(action: str) -> None:
    assert isinstance(plan(action, None), Refusal)
    for kind in Kind:
        assert isinstance(plan(action, Subject(kind=kind, key="x", label="x")), Plan | Refusal)
