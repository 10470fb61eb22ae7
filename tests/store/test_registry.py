"""Versions, aliases, and the acts that move them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from quarterdeck.core.errors import ConflictError, NotFoundError, RefusedError
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.values import Alias, VersionState
from quarterdeck.store import ledger, registry
from quarterdeck.store.engine import Database

Register = Callable[..., Version]
PRODUCTION = "production"


def promote(database: Database, number: int, saw: int | None, now: datetime, *, force: bool = False) -> Version:
    with database.write() as tx:
        return registry.promote(
            tx, "flights", number, environment=PRODUCTION, actor="ops", reason="it is better", now=now,
            saw_champion=saw, force=force,
        )  # fmt: skip


def rollback(database: Database, saw: int | None, now: datetime) -> Version:
    with database.write() as tx:
        return registry.rollback(
            tx,
            "flights",
            environment=PRODUCTION,
            actor="ops",
            reason="it is worse",
            now=now,
            saw_champion=saw,
        )


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
        assert ledger.entries(tx, limit=1)[0].evidence == {"forced": True}


def test_a_rollback_returns_to_the_previous_champion_and_back_again(
    database: Database, register: Register, now: datetime
) -> None:
    register(), register()
    promote(database, 1, None, now)
    promote(database, 2, 1, now)
    assert rollback(database, 2, now).number == 1
    assert aliases(database) == {Alias.CHAMPION: 1, Alias.PREVIOUS: 2}
    assert rollback(database, 1, now).number == 2


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
        common = {"environment": PRODUCTION, "actor": "ops", "reason": "r", "now": now}
        registry.challenge(tx, "flights", 2, **common)
        assert registry.aliases(tx, "flights", PRODUCTION)[Alias.CHALLENGER] == 2
        registry.withdraw(tx, "flights", **common, lost=True)
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
