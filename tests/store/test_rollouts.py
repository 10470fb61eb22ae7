"""A rollout's row and what is live change together or not at all, and the ledger says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from quarterdeck.core.errors import ConflictError, NotFoundError, RefusedError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import AnalysisSpec, RolloutSpec, Strategy
from quarterdeck.core.registry import Version
from quarterdeck.core.rollout import Progress, Rollout, RolloutState, at_step, move
from quarterdeck.core.rollout_looks import Look, LookOutcome, LookResult, MeasureResult
from quarterdeck.core.rollout_moves import Act, Move, abort, pause, promote_now, resume
from quarterdeck.core.values import Alias, VersionState
from quarterdeck.store import analyses, auditing, ledger, promotion, registry, rollouts, splits
from quarterdeck.store.engine import Database

CANARY = RolloutSpec(
    strategy=Strategy.CANARY, steps=(10.0, 50.0), bake=timedelta(minutes=10), analysis=AnalysisSpec(count=2)
)
MINUTE = timedelta(minutes=1)
Register = Callable[..., Version]


@pytest.fixture
def audit(now: datetime) -> Audit:
    return Audit(actor="ops", environment="production", at=now, reason="a test")


@pytest.fixture
def going(database: Database, register: Register, audit: Audit) -> Rollout:
    """Version 2 as a canary beside champion 1."""
    register(), register()
    with database.write() as tx:
        promotion.promote(tx, "flights", 1, audit, saw_champion=None)
        return rollouts.begin(tx, "flights", 2, CANARY, audit)


def names(database: Database) -> dict[Alias, int]:
    with database.read() as tx:
        return registry.aliases(tx, "flights", "production")


def share(database: Database) -> tuple[float, bool] | None:
    with database.read() as tx:
        found = splits.find(tx, "production", "flights")
    return None if found is None else (found.weight, found.shadow)


def acts(database: Database) -> list[str]:
    """What the ledger says since the promotion of version 1; it must verify."""
    with database.read() as tx:
        assert auditing.verify(tx)[1] == []
        found = [entry.act for entry in reversed(ledger.entries(tx))]
    return found[found.index("promote") + 1 :]


def apply(database: Database, seen: Rollout, wanted: Move, audit: Audit, look: Look | None = None) -> Rollout:
    with database.write() as tx:
        return rollouts.apply(tx, seen, wanted, audit, look)


def state_of(database: Database, number: int) -> VersionState:
    with database.read() as tx:
        return registry.get(tx, "flights", number).state


def test_a_rollout_begins_with_its_first_share_and_comes_back_as_it_was(database: Database, going: Rollout) -> None:
    assert names(database) == {Alias.CHAMPION: 1, Alias.CHALLENGER: 2}
    assert share(database) == (10.0, False)
    with database.read() as tx:
        assert rollouts.get(tx, going.id) == going == rollouts.open_of(tx, "production", "flights")
        assert rollouts.open_ones(tx, "production") == [going]
        assert rollouts.open_ones(tx, "staging") == []
    assert (going.spec, going.champion, going.state) == (CANARY, 1, RolloutState.RUNNING)
    assert acts(database) == ["start_rollout", "challenge", "split"]


def test_the_next_step_moves_row_and_traffic_together(database: Database, going: Rollout, audit: Audit) -> None:
    later = going.updated_at + MINUTE
    wanted = Move(rollout=at_step(move(going, going.state, now=later, reason="passed"), 1, now=later), act=Act.SPLIT)
    after = apply(database, going, wanted, audit)
    assert share(database) == (50.0, False)
    with database.read() as tx:
        assert rollouts.get(tx, going.id) == after
    assert (after.step, after.progress) == (1, Progress())


def test_a_promotion_bakes_and_its_failure_puts_the_champion_back(
    database: Database, going: Rollout, audit: Audit
) -> None:
    later = going.updated_at + MINUTE
    baking = apply(database, going, promote_now(going, now=later, reason="sure"), audit)
    assert (baking.state, names(database)) == (RolloutState.BAKING, {Alias.CHAMPION: 2, Alias.PREVIOUS: 1})
    assert share(database) is None
    failed = Move(
        rollout=move(baking, RolloutState.ROLLED_BACK, now=later, reason="errors"), act=Act.PUT_BACK, lost=True
    )
    apply(database, baking, failed, replace(audit, reason=""))
    assert names(database) == {Alias.CHAMPION: 1}
    assert state_of(database, 2) is VersionState.REJECTED
    with database.read() as tx:
        entry = ledger.entries(tx, limit=1)[0]
    assert (entry.act, entry.reason, entry.evidence["rollout"]) == ("demote", "errors", going.id)


@pytest.mark.parametrize(("lost", "state"), [(True, VersionState.REJECTED), (False, VersionState.ACCEPTED)])
def test_a_challenger_is_taken_out_with_its_share(
    database: Database, going: Rollout, audit: Audit, lost: bool, state: VersionState
) -> None:
    out = move(going, RolloutState.ROLLED_BACK, now=going.updated_at, reason="it failed")
    after = apply(database, going, Move(rollout=out, act=Act.WITHDRAW, lost=lost), audit)
    assert (names(database), share(database)) == ({Alias.CHAMPION: 1}, None)
    assert state_of(database, 2) is state
    with database.read() as tx:
        assert rollouts.open_of(tx, "production", "flights") is None
        assert rollouts.get(tx, going.id) == after


def test_an_abort_pause_and_resume_are_in_the_ledger(database: Database, going: Rollout, audit: Audit) -> None:
    later = going.updated_at + MINUTE
    paused = apply(database, going, pause(going, now=later, reason="lunch"), replace(audit, reason="lunch"))
    resumed = apply(database, paused, resume(paused, now=later, reason="back"), audit)
    apply(database, resumed, abort(resumed, now=later, reason="no"), audit)
    assert names(database) == {Alias.CHAMPION: 1}
    assert acts(database)[3:] == ["pause_rollout", "resume_rollout", "withdraw", "abort_rollout"]
    with database.read() as tx:
        entry = ledger.entries(tx, act="pause_rollout")[0]
    assert (entry.subject, entry.reason) == ("flights@2", "lunch")
    assert entry.before == {"rollout": going.id, "state": "running", "step": "canary 10 %, look 1 of 2"}


def test_an_abort_during_the_bake_rolls_back_without_rejecting(
    database: Database, going: Rollout, audit: Audit
) -> None:
    later = going.updated_at + MINUTE
    baking = apply(database, going, promote_now(going, now=later, reason="sure"), audit)
    apply(database, baking, abort(baking, now=later, reason="complaints"), audit)
    assert names(database) == {Alias.CHAMPION: 1}


def test_what_has_changed_since_it_was_seen_is_not_overwritten(
    database: Database, going: Rollout, audit: Audit
) -> None:
    later = going.updated_at + MINUTE
    apply(database, going, pause(going, now=later, reason="lunch"), audit)
    with pytest.raises(ConflictError, match="it is paused"):
        apply(database, going, promote_now(going, now=later, reason="sure"), audit)
    assert names(database)[Alias.CHAMPION] == 1


def test_a_move_whose_act_is_refused_changes_nothing(database: Database, going: Rollout, audit: Audit) -> None:
    with database.write() as tx:
        promotion.withdraw(tx, "flights", audit)
    out = move(going, RolloutState.ROLLED_BACK, now=going.updated_at + MINUTE, reason="it failed")
    with pytest.raises(ConflictError):
        apply(database, going, Move(rollout=out, act=Act.WITHDRAW), audit, look(going, LookOutcome.FAIL))
    with database.read() as tx:
        assert rollouts.get(tx, going.id) == going
        assert list(analyses.of_rollout(tx, going.id)) == []


def test_another_rollout_of_the_model_takes_the_place_of_the_open_one(
    database: Database, register: Register, going: Rollout, audit: Audit
) -> None:
    register()
    with database.write() as tx:
        new = rollouts.begin(tx, "flights", 3, replace(CANARY, steps=(30.0,)), audit)
        old = rollouts.get(tx, going.id)
        assert rollouts.open_ones(tx, "production") == [new]
    assert (old.state, old.reason) == (RolloutState.ABORTED, "version 3 came in its place")
    assert (names(database)[Alias.CHALLENGER], share(database)) == (3, (30.0, False))


def test_a_direct_rollout_takes_the_challenger_of_the_one_it_ends_out(
    database: Database, register: Register, going: Rollout, audit: Audit
) -> None:
    register()
    with database.write() as tx:
        rollouts.begin(tx, "flights", 3, RolloutSpec(), audit)
    assert names(database) == {Alias.CHAMPION: 1}


def test_a_rollout_that_bakes_counts_as_promoted_when_the_next_one_comes(
    database: Database, register: Register, going: Rollout, audit: Audit
) -> None:
    apply(database, going, promote_now(going, now=going.updated_at, reason="sure"), audit)
    register()
    with database.write() as tx:
        rollouts.begin(tx, "flights", 3, CANARY, audit)
        assert rollouts.get(tx, going.id).state is RolloutState.PROMOTED
    assert names(database) == {Alias.CHAMPION: 2, Alias.CHALLENGER: 3, Alias.PREVIOUS: 1}


def test_champions_lost_and_lonely_versions_have_no_rollout(
    database: Database, register: Register, going: Rollout, audit: Audit
) -> None:
    with database.write() as tx, pytest.raises(RefusedError, match="champion already"):
        rollouts.begin(tx, "flights", 1, CANARY, audit)
    rejected = register(state=VersionState.REJECTED)
    with database.write() as tx, pytest.raises(RefusedError, match="it is rejected"):
        rollouts.begin(tx, "flights", rejected.number, CANARY, audit)
    with database.write() as tx, pytest.raises(RefusedError, match="no champion"):
        rollouts.begin(tx, "flights", 1, CANARY, replace(audit, environment="staging"))
    with database.read() as tx, pytest.raises(NotFoundError):
        rollouts.get(tx, 99)


def test_a_challenger_without_a_rollout_is_found_and_adopted_where_it_is(
    database: Database, register: Register, audit: Audit
) -> None:
    register(), register()
    with database.write() as tx:
        promotion.promote(tx, "flights", 1, audit, saw_champion=None)
        promotion.challenge(tx, "flights", 2, audit)
        assert rollouts.orphans(tx, "production") == ["flights"]
        assert rollouts.orphans(tx, "staging") == []
        rollouts.adopt(tx, "flights", RolloutSpec(strategy=Strategy.SHADOW), audit)
        assert rollouts.orphans(tx, "production") == []
    assert acts(database) == ["challenge", "start_rollout"]


def look(rollout: Rollout, outcome: LookOutcome, minute: int = 0) -> Look:
    measured = MeasureResult(measure="error_rate", value=0.5, n=10, outcome=outcome, reason="r")
    at = rollout.step_since + minute * MINUTE
    return Look(
        since=at, until=at + MINUTE, result=LookResult(outcome=outcome, reason=f"r{minute}", measures=(measured,))
    )


def test_looks_are_kept_and_the_same_hold_again_is_one_row(database: Database, going: Rollout) -> None:
    hold, passed = LookOutcome.HOLD, LookOutcome.PASS
    with database.write() as tx:
        for minute, outcome in enumerate([passed, hold, hold, passed, passed]):
            analyses.add(tx, going, look(going, outcome, minute))
        waiting = replace(going, state=RolloutState.WAITING)
        for minute in (5, 6):
            analyses.add(tx, waiting, look(going, passed, minute))
        found = analyses.of_rollout(tx, going.id)
    said: list[Any] = [(item.number, item.outcome, item.reason) for item in reversed(found)]
    assert said == [(1, passed, "r0"), (2, hold, "r2"), (3, passed, "r3"), (4, passed, "r6")]
    assert found[0].measures[0].value == 0.5
    assert found[0].at == going.step_since + 7 * MINUTE


def test_the_newest_come_first_page_by_page(
    database: Database, register: Register, going: Rollout, audit: Audit
) -> None:
    register()
    with database.write() as tx:
        second = rollouts.begin(tx, "flights", 3, CANARY, audit)
        assert [item.id for item in rollouts.page(tx, "production")] == [second.id, going.id]
        assert [item.id for item in rollouts.page(tx, "production", limit=1, offset=1)] == [going.id]
        assert rollouts.page(tx, "production", model="fuel") == []
