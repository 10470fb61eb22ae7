"""The log's queue: bounded, counted, and not stopped by one row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from quarterdeck.core.values import Arm
from quarterdeck.scheduler.serving.counters import Counters, Problems
from quarterdeck.scheduler.serving.entry import Entry
from quarterdeck.scheduler.serving.log import MOST_WAITING, PredictionLog
from quarterdeck.scheduler.serving.protocols import Plain
from quarterdeck.store.engine import Database
from quarterdeck.store.traffic import open_traffic


def entry(*names: str, entity: str | None = None) -> Entry:
    rows = len(names)
    answers = Plain(values=[1.0] * rows, labels=None, probabilities=None, scores=[1.0] * rows)
    sent = [{"a": 1.0}] * rows
    return Entry("line", 1, Arm.CHAMPION, False, names, sent, [entity] * rows, [None] * rows, 5, 7, answers, 0)


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Database]:
    with open_traffic(tmp_path / "traffic.db") as database:
        with database.read() as tx:
            tx.execute(text("PRAGMA busy_timeout = 10"))
        yield database


class Bench:
    def __init__(self, traffic: Database) -> None:
        self.traffic = traffic
        self.counters = Counters()
        self.problems = Problems()
        self.log = PredictionLog(traffic, ThreadPoolExecutor(1), self.counters, self.problems)

    def written(self) -> list[str]:
        with self.traffic.read() as tx:
            return list(tx.execute(text("SELECT id FROM prediction ORDER BY seq")).scalars())


async def test_what_was_added_is_written_in_order(traffic: Database) -> None:
    bench = Bench(traffic)
    for number in range(5_000):
        bench.log.add(entry(f"{number}a", f"{number}b"))
    assert bench.log.pending == 10_000
    assert await bench.log.flush()
    assert bench.log.pending == 0
    assert bench.written() == [f"{number}{letter}" for number in range(5_000) for letter in "ab"]


async def test_what_finds_no_room_is_dropped_counted_and_said(traffic: Database) -> None:
    bench = Bench(traffic)
    for number in range(MOST_WAITING + 30):
        bench.log.add(entry(f"p{number}"))
    assert (bench.log.pending, bench.counters.dropped) == (MOST_WAITING, 30)
    assert "full" in bench.problems.texts()[0]
    bench.log.add(entry("x", "y"))
    assert bench.counters.dropped == 32
    assert await bench.log.flush()
    assert bench.problems.texts() == []
    bench.log.add(entry("z"))
    assert await bench.log.flush()
    assert bench.written()[-1] == "z"


async def test_a_database_that_cannot_be_written_keeps_the_queue_as_it_is(tmp_path: Path, traffic: Database) -> None:
    bench = Bench(traffic)
    bench.log.add(entry("first"))
    bench.log.add(entry("second"))
    with closing(sqlite3.connect(tmp_path / "traffic.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not await bench.log.flush()
        assert (bench.log.pending, bench.counters.dropped) == (2, 0)
        assert "locked" in bench.problems.texts()[0]
        other.execute("ROLLBACK")
    assert await bench.log.flush()
    assert bench.written() == ["first", "second"]


async def test_a_row_that_the_database_refuses_does_not_keep_the_others_out(traffic: Database) -> None:
    bench = Bench(traffic)
    for name in ("a", "twice", "b", "twice", "c"):
        bench.log.add(entry(name))
    await bench.log.flush()
    assert bench.written() == ["a", "twice", "b", "c"]
    assert (bench.log.pending, bench.counters.dropped) == (0, 1)


async def test_what_a_stopping_server_cannot_write_is_counted(traffic: Database) -> None:
    bench = Bench(traffic)
    bench.log.add(entry("a", "b"))
    assert bench.log.abandon() == 2
    assert (bench.log.pending, bench.counters.dropped) == (0, 2)
    assert await bench.log.flush()
    assert bench.written() == []
