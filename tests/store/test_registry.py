"""Versions, aliases, and the acts that move them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from quarterdeck.core.errors import ConflictError, NotFoundError, RefusedError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.values import Alias, VersionState
from quarterdeck.store import auditing, ledger, promotion, registry, splits
from quarterdeck.store.engine import Database
from quarterdeck.store.live_at import live_at

Register = Callable[..., Version]
PRODUCTION = "production"


def audit(now: datetime, reason: str = "r") -> Audit:
    return Audit(actor="ops", environment=PRODUCTION, at=now, reason=reason)


def promote(database: Database, number: int, saw: int | None, now: datetime, *, force: bool = False) -> Version:
    with database.write() as tx:
        return promotion.promote(tx, "flights", number, audit(now, "it is better"), saw_champion=saw, force=force)


def rollback(database: Database, saw: int | None, now: datetime) -> Version:
    with database.write() as tx:
        return promotion.rollback(tx, "flights", audit(now, "it is worse"), saw_champion=saw)


def aliases(database: Database) -> dict[Alias, int]:
    with database.read() as tx:
        return registry.aliases(tx, "flights", PRODUCTION)


def state(database: Database, number: int) -> VersionState:
    with database.read() as tx:
        return registry.get(tx, "flights", number).state


def test_a_version_comes_back_as_it_was_registered(database: Database, register: Register) -> None:
    version = register()
    with database.read() as tx:
        assert registry.get(tx, "flights", 1) == version
    assert version.reference == "flights@1"


def test_numbers_count_up_per_model(register: Register) -> None:
    assert [register().number for _ in range(3)] == [1, 2, 3]


def test_a_promotion_makes_the_old_champion_previous(database: Database, register: Register, now: datetime) -> None:
    register(), register()
    promote(database, 1, None, now)
    promote(database, 2, 1, now)
    assert aliases(database) == {Alias.CHAMPION: 2, Alias.PREVIOUS: 1}
    assert (state(database, 1), state(database, 2)) == (VersionState.PREVIOUS, VersionState.CHAMPION)


def test_a_promotion_over_a_champion_that_was_not_seen_is_a_conflict_and_changes_nothing(
    database: Database, register: Register, now: datetime
) -> None:
    for _ in range(3):
        register()
    promote(database, 1, None, now)
    promote(database, 2, 1, now)
    before = aliases(database)
    with database.read() as tx:
        entries = len(ledger.entries(tx))
    with pytest.raises(ConflictError, match="version 2, not version 1"):
        promote(database, 3, 1, now)
    assert aliases(database) == before
    with database.read() as tx:
        assert len(ledger.entries(tx)) == entries


def test_of_two_promotions_at_once_exactly_one_wins(database: Database, register: Register, now: datetime) -> None:
    for _ in range(9):
        register()
    promote(database, 1, None, now)

    def attempt(number: int) -> bool:
        try:
            promote(database, number, 1, now)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, range(2, 10)))
    assert won.count(True) == 1
    assert aliases(database)[Alias.CHAMPION] == won.index(True) + 2


def test_a_rejected_version_is_promoted_only_by_force_and_the_ledger_says_so(
    database: Database, register: Register, now: datetime
) -> None:
    register(state=VersionState.REJECTED)
    with pytest.raises(RefusedError):
        promote(database, 1, None, now)
    promote(database, 1, None, now, force=True)
    with database.read() as tx:
        assert ledger.entries(tx, limit=1)[0].evidence == {"forced": True, "states": {"1": "rejected"}}


def test_a_rollback_returns_to_the_previous_champion_and_a_second_one_does_not_bring_the_bad_one_back(
    database: Database, register: Register, now: datetime
) -> None:
    register(), register()
    promote(database, 1, None, now)
    promote(database, 2, 1, now)
    assert rollback(database, 2, now).number == 1
    assert aliases(database) == {Alias.CHAMPION: 1}
    with pytest.raises(ConflictError, match="rolled back already, to flights@1"):
        rollback(database, 1, now)
    with database.read() as tx:
        assert registry.get(tx, "flights", 2).state is VersionState.ACCEPTED
    assert promote(database, 2, 1, now).number == 2


def test_names_that_went_and_came_again_are_no_reason_to_undo_what_was_before(
    database: Database, register: Register, now: datetime
) -> None:
    register(), register()
    promote(database, 1, None, now)
    with database.read() as tx:
        first = ledger.entries(tx, limit=1)[0].seq
    promote(database, 2, 1, now)
    rollback(database, 2, now)
    assert aliases(database) == {Alias.CHAMPION: 1}
    with database.write() as tx, pytest.raises(ConflictError, match="changed since entry"):
        promotion.undo(tx, first, Audit(actor="ops", environment=PRODUCTION, at=now, reason="a test"))


def test_a_rollback_without_a_previous_champion_is_refused(
    database: Database, register: Register, now: datetime
) -> None:
    register()
    promote(database, 1, None, now)
    with pytest.raises(RefusedError, match="no previous version"):
        rollback(database, 1, now)


def test_a_challenger_that_lost_is_rejected_and_leaves_the_traffic(
    database: Database, register: Register, now: datetime
) -> None:
    register(), register()
    promote(database, 1, None, now)
    with database.write() as tx:
        promotion.challenge(tx, "flights", 2, audit(now))
        assert registry.aliases(tx, "flights", PRODUCTION)[Alias.CHALLENGER] == 2
        promotion.withdraw(tx, "flights", audit(now), lost=True)
    assert aliases(database) == {Alias.CHAMPION: 1}
    assert state(database, 2) is VersionState.REJECTED


def test_a_third_promotion_lets_the_oldest_champion_go_back_to_accepted(
    database: Database, register: Register, now: datetime
) -> None:
    for _ in range(3):
        register()
    promote(database, 1, None, now)
    promote(database, 2, 1, now)
    promote(database, 3, 2, now)
    assert [state(database, n) for n in (1, 2, 3)] == [
        VersionState.ACCEPTED,
        VersionState.PREVIOUS,
        VersionState.CHAMPION,
    ]


@pytest.mark.parametrize(("text", "number"), [("flights", 1), ("flights@champion", 1), ("flights@2", 2)])
def test_a_reference_names_a_version(
    database: Database, register: Register, now: datetime, text: str, number: int
) -> None:
    register(), register()
    promote(database, 1, None, now)
    with database.read() as tx:
        assert registry.resolve(tx, parse_reference(text), PRODUCTION).number == number


def test_an_unknown_model_and_a_missing_alias_are_told_apart(database: Database, register: Register) -> None:
    register()
    with database.read() as tx:
        with pytest.raises(NotFoundError, match="no model ships"):
            registry.resolve(tx, parse_reference("ships"), PRODUCTION)
        with pytest.raises(NotFoundError, match="no champion"):
            registry.resolve(tx, parse_reference("flights"), PRODUCTION)


def test_a_demoted_champion_is_rejected_and_the_previous_one_answers_again(
    database: Database, register: Register, now: datetime
) -> None:
    register(), register()
    promote(database, 1, None, now)
    promote(database, 2, 1, now)
    with database.write() as tx:
        back = promotion.demote(tx, "flights", audit(now), saw_champion=2)
    assert back is not None and back.number == 1
    assert aliases(database) == {Alias.CHAMPION: 1}
    assert (state(database, 1), state(database, 2)) == (VersionState.CHAMPION, VersionState.REJECTED)


def test_without_a_previous_version_a_demotion_leaves_nobody(
    database: Database, register: Register, now: datetime
) -> None:
    register()
    promote(database, 1, None, now)
    with database.write() as tx:
        assert promotion.demote(tx, "flights", audit(now), saw_champion=1) is None
    assert aliases(database) == {}


@pytest.mark.parametrize("act", ["promote", "rollback", "demote", "withdraw"])
def test_an_act_that_is_undone_leaves_names_and_states_as_they_were(
    act: str, database: Database, register: Register, now: datetime
) -> None:
    for _ in range(4):
        register()
    promote(database, 1, None, now)
    promote(database, 2, 1, now)
    with database.write() as tx:
        promotion.challenge(tx, "flights", 3, audit(now))
    before, states = aliases(database), [state(database, number) for number in range(1, 5)]
    with database.write() as tx:
        match act:
            case "promote":
                promotion.promote(tx, "flights", 3, audit(now), saw_champion=2)
            case "rollback":
                promotion.rollback(tx, "flights", audit(now), saw_champion=2)
            case "demote":
                promotion.demote(tx, "flights", audit(now), saw_champion=2)
            case _:
                promotion.withdraw(tx, "flights", audit(now), lost=True)
    assert aliases(database) != before
    with database.write() as tx:
        seq = ledger.entries(tx, limit=1)[0].seq
        assert promotion.undo(tx, seq, audit(now)).startswith(f"{act} flights@")
    assert aliases(database) == before
    assert [state(database, number) for number in range(1, 5)] == states
    with database.read() as tx:
        assert auditing.verify(tx)[1] == []


def test_an_act_that_was_followed_by_others_is_not_undone(
    database: Database, register: Register, now: datetime
) -> None:
    register(), register()
    promote(database, 1, None, now)
    with database.read() as tx:
        seq = ledger.entries(tx, limit=1)[0].seq
    promote(database, 2, 1, now)
    with database.write() as tx, pytest.raises(ConflictError, match="has changed since"):
        promotion.undo(tx, seq, audit(now))
    assert aliases(database) == {Alias.CHAMPION: 2, Alias.PREVIOUS: 1}


def test_a_retired_version_comes_back_only_by_undo(database: Database, register: Register, now: datetime) -> None:
    register(), register()
    promote(database, 1, None, now)
    with database.write() as tx:
        with pytest.raises(RefusedError, match="it is champion in production"):
            registry.retire(tx, "flights", 1, audit(now))
        registry.retire(tx, "flights", 2, audit(now))
        seq = ledger.entries(tx, limit=1)[0].seq
    with pytest.raises(RefusedError, match="retired"):
        promote(database, 2, 1, now, force=True)
    with database.write() as tx:
        promotion.undo(tx, seq, audit(now))
    promote(database, 2, 1, now)


def test_a_version_shows_its_highest_place_over_all_environments(
    database: Database, register: Register, now: datetime
) -> None:
    register(), register()
    promote(database, 1, None, now)
    staging = replace(audit(now), environment="staging")
    with database.write() as tx:
        promotion.promote(tx, "flights", 1, staging, saw_champion=None)
        promotion.promote(tx, "flights", 2, staging, saw_champion=1)
    assert state(database, 1) is VersionState.CHAMPION  # still, in production
    promote(database, 2, 1, now)
    assert (state(database, 1), state(database, 2)) == (VersionState.PREVIOUS, VersionState.CHAMPION)


def test_a_split_belongs_to_one_challenger_and_goes_with_it(
    database: Database, register: Register, now: datetime
) -> None:
    for _ in range(3):
        register()
    promote(database, 1, None, now)
    with database.write() as tx:
        with pytest.raises(ConflictError):
            promotion.split(tx, "flights", audit(now), version=2, weight=5, shadow=True)
        promotion.challenge(tx, "flights", 2, audit(now))
        promotion.split(tx, "flights", audit(now), version=2, weight=5, shadow=True)
        assert splits.find(tx, PRODUCTION, "flights") == splits.Split(version=2, weight=5, shadow=True)
        promotion.challenge(tx, "flights", 3, audit(now))
        assert splits.find(tx, PRODUCTION, "flights") is None


def test_what_was_live_at_a_time_says_which_share_the_challenger_had(
    database: Database, register: Register, now: datetime
) -> None:
    register(), register()
    promote(database, 1, None, now)
    times = [now + timedelta(minutes=minute) for minute in range(1, 5)]
    with database.write() as tx:
        promotion.challenge(tx, "flights", 2, audit(times[0]))
        promotion.split(tx, "flights", audit(times[1]), version=2, weight=25, shadow=True)
        promotion.withdraw(tx, "flights", audit(times[2]))
        promotion.challenge(tx, "flights", 2, audit(times[3]))
    with database.read() as tx:
        found = [live_at(tx, at)[0] for at in (now, *times)]
    assert [(item.challenger, item.weight) for item in found] == [(None, 0), (2, 0), (2, 25), (None, 0), (2, 0)]
    assert {item.champion for item in found} == {1}
