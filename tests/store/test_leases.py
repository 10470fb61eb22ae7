"""The lease: one holder at a time, tokens that only grow, and no write of one that has lost it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from quarterdeck.core.errors import ConflictError, LeaseLostError, UnavailableError
from quarterdeck.store import leases
from quarterdeck.store.engine import Database
from quarterdeck.store.leases import DAEMON, Lease
from quarterdeck.store.rows import table
from quarterdeck.store.tables import LeaseRow

SECONDS = 10.0


class Clock:
    """The store's clock, set by the test."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self, _tx: object) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def take(database: Database, clock: Clock, holder: str = "a") -> Lease:
    with database.write() as tx:
        return leases.take(tx, DAEMON, holder=holder, seconds=SECONDS, clock=clock)


def renew(database: Database, lease: Lease, clock: Clock) -> Lease:
    with database.write() as tx:
        return leases.renew(tx, lease, seconds=SECONDS, clock=clock)


def found(database: Database) -> Lease:
    with database.read() as tx:
        lease = leases.find(tx, DAEMON)
    assert lease is not None
    return lease


def held_at(database: Database, place: str, pid: int = 1) -> None:
    """As if a process at another place held it."""
    with database.write() as tx:
        tx.execute(update(table(LeaseRow)).values(place=place, pid=pid))


def elsewhere(kind: str) -> str:
    host, boot, container = leases.this_place().split("/")
    return {"container": f"{host}/{boot}/pid:[7]", "machine": f"far/another-boot/{container}"}[kind]


def test_the_first_one_gets_it_and_a_second_is_told_who_has_it(database: Database, clock: Clock) -> None:
    assert take(database, clock).token == 1
    with pytest.raises(ConflictError, match=str(os.getpid())):
        take(database, clock, "b")


def test_renewing_moves_its_end_and_keeps_its_token(database: Database, clock: Clock) -> None:
    lease = take(database, clock)
    clock.now += 5
    assert renew(database, lease, clock).expires == clock.now + SECONDS
    assert found(database).token == lease.token


def test_one_that_ran_out_is_taken_with_the_next_token_and_cannot_be_renewed(database: Database, clock: Clock) -> None:
    first = take(database, clock)
    held_at(database, elsewhere("container"))
    clock.now += SECONDS
    assert take(database, clock, "b").token == first.token + 1
    with pytest.raises(LeaseLostError, match=r"taken over, by process .+: it has token 2, this process had 1"):
        renew(database, first, clock)


def test_one_that_ran_out_and_was_not_taken_is_still_its_holders(database: Database, clock: Clock) -> None:
    lease = take(database, clock)
    clock.now += 100 * SECONDS
    assert renew(database, lease, clock).token == lease.token


def test_a_lease_of_a_process_that_is_gone_is_free_at_once(database: Database, clock: Clock) -> None:
    take(database, clock)
    held_at(database, leases.this_place(), pid=2**22 - 1)
    assert take(database, clock, "b").token == 2


def test_in_another_container_a_process_id_says_nothing(database: Database, clock: Clock) -> None:
    take(database, clock)
    held_at(database, elsewhere("container"), pid=2**22 - 1)
    with pytest.raises(ConflictError):
        take(database, clock, "b")


def test_a_file_whose_machine_was_started_again_since_has_no_holder(database: Database, clock: Clock) -> None:
    take(database, clock)
    held_at(database, elsewhere("machine"))
    assert take(database, clock, "b").token == 2


def test_given_back_it_is_free_and_the_token_goes_on_growing(database: Database, clock: Clock) -> None:
    lease = take(database, clock)
    with database.write() as tx:
        leases.release(tx, lease)
    assert found(database).holder is None
    assert take(database, clock, "b").token == 2
    with database.write() as tx:
        leases.release(tx, lease)  # of before: not its to give
    assert found(database).holder == "b"


def fenced(database: Database, lease: Lease) -> Database:
    return database.fenced(lambda tx: leases.check(tx, DAEMON, lease.token))


def test_a_fenced_write_of_the_holder_is_kept_and_one_of_a_holder_before_is_not(
    database: Database, clock: Clock
) -> None:
    first = take(database, clock)
    with fenced(database, first).write() as tx:
        tx.execute(text("UPDATE pipeline SET owner = 'first'"))
    clock.now += SECONDS
    held_at(database, elsewhere("container"))
    second = take(database, clock, "b")
    with pytest.raises(LeaseLostError), fenced(database, first).write() as tx:
        tx.execute(text("UPDATE pipeline SET owner = 'late'"))
    with fenced(database, second).write() as tx:
        assert tx.execute(text("SELECT owner FROM pipeline")).scalar() == "first"


def test_a_fenced_write_to_a_store_that_was_upgraded_meanwhile_is_refused(database: Database, clock: Clock) -> None:
    lease = take(database, clock)
    with database.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnavailableError, match="brought to schema 9999"), fenced(database, lease).write():
        pass


def test_of_many_that_take_it_at_once_one_gets_it(tmp_path: Path, database: Database) -> None:
    got: list[int] = []
    start = threading.Barrier(8)

    def one() -> None:
        start.wait()
        try:
            with database.write() as tx:
                got.append(leases.take(tx, DAEMON, holder="one", seconds=SECONDS).token)
        except ConflictError:
            pass

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [1]


Acts = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["take", "renew", "write", "wait", "release"])), max_size=30
)


@given(acts=Acts)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_three_of_them_do_only_the_newest_token_ever_writes(
    database: Database, acts: list[tuple[int, str]]
) -> None:
    clock = Clock()
    with database.write() as tx:
        tx.execute(text("DELETE FROM lease"))
    mine: dict[int, Lease] = {}
    highest = 0
    for who, act in acts:
        try:
            if act == "wait":
                clock.now += SECONDS / 2
            elif act == "take":
                mine[who] = take(database, clock, str(who))
                assert mine[who].token > highest
                highest = mine[who].token
            elif who in mine and act == "release":
                with database.write() as tx:
                    leases.release(tx, mine[who])
            elif who in mine and act == "renew":
                mine[who] = renew(database, mine[who], clock)
                assert mine[who].token == highest
            elif who in mine:
                with fenced(database, mine[who]).write():
                    assert mine[who].token == highest
        except (ConflictError, LeaseLostError):
            pass
