"""Rows are counted in the transaction that logs them: both or neither, once, in the window of their event."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from quarterdeck.core.counting import Counter
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import Counts, build_profile, count
from quarterdeck.core.values import Arm, Task
from quarterdeck.scheduler.serving.counters import Counters, Problems
from quarterdeck.scheduler.serving.entry import Entry
from quarterdeck.scheduler.serving.log import PredictionLog
from quarterdeck.scheduler.serving.protocols import Plain
from quarterdeck.scheduler.serving.tally import Tally
from quarterdeck.store import traffic_windows
from quarterdeck.store.engine import Database
from quarterdeck.store.traffic import micros, open_traffic

HOUR = 3_600_000_000
DAY = timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
SIGNATURE = Signature(
    fields=(Field(name="x", kind=FieldKind.NUMBER), Field(name="port", kind=FieldKind.STRING)),
    task=Task.REGRESSION,
    target="y",
)
PROFILE = build_profile(
    {"x": np.linspace(0, 1, 500).tolist(), "port": ["oslo", "riga"] * 250}, SIGNATURE, np.linspace(0, 1, 100)
)
COUNTER = Counter(PROFILE, SIGNATURE.names)


def entry(
    name: str,
    *values: tuple[float, str],
    hours: float | Sequence[float] = 0,
    arm: Arm = Arm.CHAMPION,
    counter: Counter | None = COUNTER,
    given: bool = True,
) -> Entry:
    """One request's rows, each with its event time in hours after START; `given`: with the values at hand."""
    rows = len(values)
    when = [hours] * rows if isinstance(hours, (int, float)) else list(hours)
    scores = [x for x, _ in values]
    answers = Plain(values=scores, labels=None, probabilities=None, scores=scores)
    return Entry(
        "line", 1, arm, False, [f"{name}{n}" for n in range(rows)], [{"x": x, "port": port} for x, port in values],
        [None] * rows, [START + timedelta(hours=h) for h in when], 5, 7, answers, 0, None, values if given else None,
        counter,
    )  # fmt: skip


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Database]:
    with open_traffic(tmp_path / "traffic.db") as database:
        with database.read() as tx:
            tx.execute(text("PRAGMA busy_timeout = 10"))
        yield database


class Bench:
    def __init__(self, traffic: Database, width: int | None = HOUR) -> None:
        self.traffic = traffic
        self.counters = Counters()
        self.problems = Problems()
        self.tally = Tally()
        self.tally.windows = {"line": width}
        self.log = PredictionLog(traffic, ThreadPoolExecutor(1), self.counters, self.problems, self.tally)

    async def write(self, *entries: Entry) -> None:
        for item in entries:
            self.log.add(item)
        assert await self.log.flush()

    def windows(self) -> dict[float, int]:
        """Hours after START -> rows counted."""
        return {start: rows for start, _, rows, _ in self.found()}

    def found(self) -> list[tuple[float, float, int, Counts | None]]:
        with self.traffic.read() as tx:
            rows = tx.execute(text('SELECT start, "end", rows, counts FROM window_count ORDER BY start')).all()
        hour = lambda us: (us - micros(START)) / HOUR  # noqa: E731  # short
        return [
            (hour(start), hour(end), n, Counts.from_json(json.loads(counts)) if counts else None)
            for start, end, n, counts in rows
        ]

    def marks(self) -> dict[str, int | None]:
        with self.traffic.read() as tx:
            return {name: mark for name, mark in tx.execute(text("SELECT id, counted FROM prediction ORDER BY seq"))}


async def test_a_batch_is_counted_into_the_bins_of_its_versions_profile(traffic: Database) -> None:
    bench = Bench(traffic)
    values = [(n / 10, "oslo" if n % 3 else "elsewhere") for n in range(9)]
    await bench.write(entry("a", *values[:4]), entry("b", *values[4:], given=False))
    columns: dict[str, Any] = {"x": [x for x, _ in values], "port": [port for _, port in values]}
    assert bench.found() == [(0, 1, 9, count(PROFILE, columns, scores=columns["x"]))]
    assert set(bench.marks().values()) == {1}


async def test_late_rows_count_where_they_belong_and_change_their_window_again(traffic: Database) -> None:
    bench = Bench(traffic)
    await bench.write(entry("a", *[(0.5, "oslo")] * 6, hours=[0, 5, 2.99, 0.5, 2, 5]))
    with traffic.read() as tx:
        _, seen = traffic_windows.changed_after(tx, 0, limit=10)
    await bench.write(entry("b", (0.1, "riga"), hours=0.1))
    assert bench.windows() == {0: 3, 2: 2, 5: 2}
    with traffic.read() as tx:
        keys, _ = traffic_windows.changed_after(tx, seen, limit=10)
        assert [key.start for key in keys] == [micros(START)]
    assert all(counts is not None and counts.rows == rows for _, _, rows, counts in bench.found())


@pytest.mark.parametrize(
    ("arm", "rows"), [(Arm.CHAMPION, 1), (Arm.CHALLENGER, 1), (Arm.SHADOW, 0), (Arm.DIRECT, 0), (Arm.BATCH, 0)]
)
async def test_what_clients_got_counts_and_nothing_else_does(traffic: Database, arm: Arm, rows: int) -> None:
    bench = Bench(traffic)
    await bench.write(entry("a", (0.5, "oslo"), arm=arm))
    assert sum(bench.windows().values()) == rows
    with traffic.read() as tx:
        assert traffic_windows.all_counted(tx) and traffic_windows.settled(tx) == 1


async def test_a_version_without_a_profile_has_rows_and_no_bins(traffic: Database) -> None:
    bench = Bench(traffic)
    await bench.write(entry("a", (0.5, "oslo"), counter=Counter(None, SIGNATURE.names)))
    assert bench.found() == [(0, 1, 1, None)]


async def test_what_cannot_be_counted_is_logged_and_left_to_the_daemon(traffic: Database) -> None:
    bench = Bench(traffic)
    await bench.write(entry("a", (0.5, "oslo"), counter=None), entry("b", (0.5, "oslo")))
    assert bench.marks() == {"a0": 0, "b0": 1}
    bench.tally.windows = {"line": None}  # the manifest was not read yet
    await bench.write(entry("c", (0.5, "oslo")))
    with traffic.read() as tx:
        assert [row.id for row in traffic_windows.left(tx, limit=10).rows] == ["a0", "c0"]
        assert not traffic_windows.all_counted(tx)
    assert bench.windows() == {0: 1}


async def test_a_model_that_nobody_watches_counts_nowhere(traffic: Database) -> None:
    bench = Bench(traffic)
    bench.tally.windows = {}
    await bench.write(entry("a", (0.5, "oslo")))
    assert (bench.marks(), bench.windows()) == ({"a0": 1}, {})


async def test_counts_that_cannot_be_added_to_keep_no_row_out_of_the_log(traffic: Database) -> None:
    bench = Bench(traffic)
    await bench.write(entry("a", (0.5, "oslo")))
    with traffic.write() as tx:
        tx.execute(text("UPDATE window_count SET counts = '{\"rows\": 1}'"))
    await bench.write(entry("b", (0.5, "oslo"), hours=[0]), entry("c", (0.5, "oslo"), hours=7))
    assert bench.marks() == {"a0": 1, "b0": 0, "c0": 0}
    assert "the daemon counts them" in bench.problems.texts()[0]
    await bench.write(entry("d", (0.5, "oslo"), hours=9))
    assert bench.problems.texts() == []


async def test_a_database_that_is_locked_counts_nothing_until_it_logs(tmp_path: Path, traffic: Database) -> None:
    bench = Bench(traffic)
    bench.log.add(entry("a", (0.5, "oslo")))
    with closing(sqlite3.connect(tmp_path / "traffic.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not await bench.log.flush()
        other.execute("ROLLBACK")
    assert bench.windows() == {}
    assert await bench.log.flush()
    assert bench.windows() == {0: 1}


async def test_a_row_that_the_database_refuses_is_not_counted_and_the_others_are_once(traffic: Database) -> None:
    bench = Bench(traffic)
    await bench.write(*(entry(name, (0.5, "oslo")) for name in ("a", "twice", "b", "twice", "c")))
    assert (bench.windows(), bench.counters.dropped) == ({0: 4}, 1)


async def test_a_width_that_changed_meanwhile_mixes_no_windows(traffic: Database) -> None:
    bench, other = Bench(traffic), Bench(traffic)
    for part in (bench, other):
        await part.write(entry(f"a{id(part)}", (0.5, "oslo"), hours=10.1))
    with traffic.write() as tx:
        after = traffic_windows.change_width(tx, "line", 24 * HOUR, now=micros(START + 9 * DAY))
    assert after.window(micros(START) + 10 * HOUR)[1] == micros(START) + 11 * HOUR
    for part in (bench, other):  # both still think of an hour
        await part.write(entry(f"b{id(part)}", *[(0.5, "oslo")] * 3, hours=[10.9, 11.5, 30]))
    assert [(start, end, rows) for start, end, rows, _ in bench.found()] == [(10, 11, 4), (11, 24, 2), (24, 48, 2)]


async def test_a_window_that_is_cut_ends_there_and_is_judged_again(traffic: Database) -> None:
    bench = Bench(traffic, 24 * HOUR)
    await bench.write(entry("a", (0.5, "oslo"), hours=10.1))
    with traffic.write() as tx:
        _, seen = traffic_windows.changed_after(tx, 0, limit=10)
        traffic_windows.change_width(tx, "line", HOUR, now=micros(START + 9 * DAY))
        assert len(traffic_windows.changed_after(tx, seen, limit=10)[0]) == 1
    await bench.write(entry("b", (0.5, "oslo"), (0.5, "oslo"), hours=[10.5, 11]))
    assert [(start, end, rows) for start, end, rows, _ in bench.found()] == [(0, 11, 2), (11, 12, 1)]


async def test_an_event_of_the_far_future_does_not_put_a_change_of_width_off(traffic: Database) -> None:
    bench = Bench(traffic)
    await bench.write(entry("a", (0.5, "oslo"), (0.5, "oslo"), hours=[10.1, 10**6]))
    with traffic.write() as tx:
        after = traffic_windows.change_width(tx, "line", 60_000_000, now=micros(START) + 11 * HOUR)
    assert after.window(micros(START) + 12 * HOUR)[1] == micros(START) + 12 * HOUR + 60_000_000


def test_many_writers_at_once_count_every_row_once(tmp_path: Path) -> None:
    """Each with connections of its own, as processes have."""
    path, writers, batches = tmp_path / "traffic.db", 8, 12
    open_traffic(path).close()

    def work(number: int) -> None:
        with open_traffic(path) as database:
            log = PredictionLog(database, ThreadPoolExecutor(1), Counters(), Problems(), tally := Tally())
            tally.windows = {"line": HOUR}
            for batch in range(batches):
                some = [entry(f"{number}-{batch}-{n}-", (n / 20, "oslo"), hours=batch % 3) for n in range(20)]
                assert log._keep(some).lost == 0

    threads = [Thread(target=work, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_traffic(path) as database:
        bench = Bench(database)
        assert bench.windows() == dict.fromkeys((0, 1, 2), writers * batches * 20 // 3)
        assert all(counts is not None and counts.rows == rows for _, _, rows, counts in bench.found())
        with database.read() as tx:
            assert traffic_windows.settled(tx) == writers * batches * 20
