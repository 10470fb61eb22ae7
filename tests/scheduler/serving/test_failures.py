"""Failures are summed up, bounded, and none is lost."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from quarterdeck.core.values import Arm
from quarterdeck.scheduler.serving import failures as module
from quarterdeck.scheduler.serving.counters import Counters, Problems
from quarterdeck.scheduler.serving.failures import FailureKind, Failures
from quarterdeck.scheduler.serving.log import PredictionLog
from quarterdeck.store.traffic import open_traffic

SECOND = 1_000_000


def add(failures: Failures, at: int, rows: int = 1, kind: FailureKind = FailureKind.FAILED) -> None:
    failures.add("fuel", 2, Arm.CHALLENGER, kind, rows=rows, at=at)


def test_those_of_a_kind_within_a_second_are_one_record_with_the_time_of_the_first() -> None:
    failures = Failures()
    for at in (SECOND + 5, SECOND + 1, SECOND + 9):
        add(failures, at, rows=2)
    add(failures, SECOND + 9, kind=FailureKind.SLOW)
    add(failures, 2 * SECOND)
    assert [(row["at"], row["kind"], row["count"]) for row in failures.take()] == [
        (SECOND + 5, "failed", 6), (SECOND + 9, "slow", 1), (2 * SECOND, "failed", 1),
    ]  # fmt: skip
    assert not failures


def test_there_are_never_more_records_than_the_bound_and_the_count_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SUMS", 10)
    failures = Failures()
    for number in range(100):
        add(failures, number * SECOND)
    records = failures.take()
    assert len(records) == 11
    assert sum(record["count"] for record in records) == 100


async def test_they_wait_while_the_database_cannot_be_written(tmp_path: Path) -> None:
    with open_traffic(tmp_path / "traffic.db") as traffic:
        with traffic.read() as tx:
            tx.execute(text("PRAGMA busy_timeout = 10"))
        log = PredictionLog(traffic, ThreadPoolExecutor(1), Counters(), Problems())
        add(log.failures, 5, rows=3)
        with closing(sqlite3.connect(tmp_path / "traffic.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert not await log.flush()
            other.execute("ROLLBACK")
        add(log.failures, 7)
        assert await log.flush()
        assert await log.flush()  # nothing is written twice
        with traffic.read() as tx:
            rows = tx.execute(text("SELECT version, arm, kind, at, count FROM failure")).all()
    assert [tuple(row) for row in rows] == [(2, "challenger", "failed", 5, 4)]
