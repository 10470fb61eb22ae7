"""A traffic store of an earlier schema is brought up to date in place, beside processes of the earlier release."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from quarterdeck.core.values import Arm
from quarterdeck.store import traffic_queries, traffic_windows
from quarterdeck.store.traffic import SCHEMA, append_failures, append_prediction_rows, open_traffic

# as the release before wrote it
SCHEMA_1 = """
CREATE TABLE prediction (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, id VARCHAR NOT NULL, endpoint VARCHAR NOT NULL,
	version INTEGER NOT NULL, arm VARCHAR NOT NULL, entity VARCHAR, event_at INTEGER NOT NULL, at INTEGER NOT NULL,
	latency_us INTEGER NOT NULL, inputs TEXT NOT NULL, answer TEXT NOT NULL, score FLOAT NOT NULL, probabilities TEXT,
	UNIQUE (id, version)
);
CREATE INDEX ix_prediction_endpoint_event ON prediction (endpoint, version, event_at);
CREATE TABLE label (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, id VARCHAR NOT NULL, endpoint VARCHAR NOT NULL,
	label TEXT NOT NULL, at INTEGER NOT NULL, UNIQUE (id)
);
CREATE TABLE window_count (
	endpoint VARCHAR NOT NULL, version INTEGER NOT NULL, start INTEGER NOT NULL, rows INTEGER NOT NULL,
	counts TEXT NOT NULL, PRIMARY KEY (endpoint, version, start)
);
CREATE TABLE cursor (name VARCHAR NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (name));
PRAGMA user_version = 1;
"""
ROWS = 3_000


def old_store(folder: Path) -> Path:
    path = folder / "traffic.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA_1)
        rows = [(f"p{n}", "fuel", 1, "champion", None, n, n, n + 1, "{}", "1", 1.0, None) for n in range(ROWS)]
        connection.executemany(f"INSERT INTO prediction VALUES (NULL, {', '.join('?' * 12)})", rows)  # noqa: S608
        connection.execute("INSERT INTO label VALUES (NULL, 'p7', 'fuel', '1', 5)")
        connection.execute("INSERT INTO cursor VALUES ('counted', 42)")
        connection.commit()
    return path


def definitions(path: Path) -> set[tuple[str, str]]:
    """Indexes as they are written, and the columns of tables: one that was added stands behind the constraints."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
        tables = [name for kind, name, _ in found if kind == "table"]
        columns = [(name, str(row[1:])) for name in tables for row in connection.execute(f"PRAGMA table_info({name})")]
    return {*columns, *((name, "".join(sql.split())) for kind, name, sql in found if kind == "index")}


def test_rows_labels_and_places_are_kept_and_the_new_questions_are_answered(tmp_path: Path) -> None:
    with open_traffic(old_store(tmp_path)) as traffic:
        failure = {"endpoint": "fuel", "version": 1, "arm": "champion", "at": 10, "kind": "raised", "count": 2}
        with traffic.write() as tx:
            append_failures(tx, [failure])  # type: ignore[list-item]  # a plain dict of the same shape
        with traffic.read() as tx:
            found = traffic_queries.arm_figures(tx, "fuel", 1, arms=(Arm.CHAMPION,), since=0, until=ROWS)
            assert (found.requests, found.failures) == (ROWS + 2, 2)
            assert traffic_windows.settled(tx) == 42
            labelled = traffic_queries.arm_rows(tx, "fuel", 1, (Arm.CHAMPION,))
    assert [row.id for row in labelled] == ["p7"]


def test_an_old_store_becomes_what_a_new_one_is(tmp_path: Path) -> None:
    old, new = old_store(tmp_path), tmp_path / "new.db"
    for path in (old, new):
        open_traffic(path).close()
    assert definitions(old) == definitions(new)


def test_a_daemon_of_before_that_still_runs_counts_nothing_more(tmp_path: Path) -> None:
    path = old_store(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as daemon:
        (place,) = daemon.execute("SELECT seq FROM cursor WHERE name = 'counted'").fetchone()
        with open_traffic(path) as traffic:
            daemon.execute("BEGIN IMMEDIATE")  # what it had read before, it writes now
            daemon.execute(
                "INSERT INTO window_count (endpoint, version, start, rows, counts) VALUES ('fuel', 1, 0, 9, '')"
            )
            with pytest.raises(sqlite3.IntegrityError, match="restart the daemon"):
                daemon.execute("UPDATE cursor SET seq = ? WHERE name = 'counted'", (place + 9,))
            daemon.execute("ROLLBACK")
            (place,) = daemon.execute("SELECT seq FROM cursor WHERE name = 'counted'").fetchone()
            assert daemon.execute("SELECT count(*) FROM prediction WHERE seq > ?", (place,)).fetchone() == (0,)
            with traffic.read() as tx:
                left = traffic_windows.left(tx, limit=10 * ROWS)
    assert [row.seq for row in left.rows] == list(range(43, ROWS + 1))  # and the new daemon all that it had left


def test_rows_that_a_server_of_before_writes_are_left_to_the_daemon(tmp_path: Path) -> None:
    path = old_store(tmp_path)
    with open_traffic(path) as traffic, closing(sqlite3.connect(path, isolation_level=None)) as server:
        with traffic.write() as tx:
            traffic_windows.settle_left(tx, traffic_windows.left(tx, limit=10 * ROWS))
            assert traffic_windows.settled(tx) == ROWS
            append_prediction_rows(tx, [("n1", "fuel", 2, "champion", None, 1, 1, 1, "{}", "1", 1.0, None, 1)])
            traffic_windows.settle(tx, 1)
        server.execute(
            "INSERT INTO prediction (id, endpoint, version, arm, event_at, at, latency_us, inputs, answer, score)"
            " VALUES ('o1', 'fuel', 1, 'champion', 1, 1, 1, '{}', '1', 1.0)"
        )
        with traffic.write() as tx:
            append_prediction_rows(tx, [("n2", "fuel", 2, "champion", None, 1, 1, 1, "{}", "1", 1.0, None, 1)])
            traffic_windows.settle(tx, 1)
            left = traffic_windows.left(tx, limit=10)
            assert (traffic_windows.settled(tx), [row.id for row in left.rows]) == (ROWS + 1, ["o1"])
            traffic_windows.settle_left(tx, left)
            assert traffic_windows.settled(tx) == ROWS + 3
            assert traffic_windows.left(tx, limit=10).nothing and traffic_windows.all_counted(tx)


def test_windows_of_before_are_judged_once_more(tmp_path: Path) -> None:
    path = old_store(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO window_count VALUES ('fuel', 1, 0, 9, '{}')")
    with open_traffic(path) as traffic, traffic.read() as tx:
        keys, last = traffic_windows.changed_after(tx, 0, limit=10)
        assert keys == [traffic_windows.WindowKey("fuel", 1, 0)]
        assert traffic_windows.changed_after(tx, last, limit=10) == ([], last)


def test_the_figures_of_a_window_are_read_from_an_index_alone(tmp_path: Path) -> None:
    path = old_store(tmp_path)
    open_traffic(path).close()
    query = (
        "EXPLAIN QUERY PLAN SELECT latency_us FROM prediction WHERE endpoint = 'fuel' AND version = 1"
        " AND at >= 1 AND at < 9 AND arm IN ('champion') ORDER BY at DESC LIMIT 20000"
    )
    with closing(sqlite3.connect(path)) as connection:
        plan = " ".join(row[3] for row in connection.execute(query))
    assert "COVERING INDEX ix_prediction_endpoint_at" in plan
    assert "TEMP B-TREE" not in plan


def test_many_processes_may_open_an_old_store_at_once(tmp_path: Path) -> None:
    path = old_store(tmp_path)
    errors: list[Exception] = []

    def open_it() -> None:
        try:
            open_traffic(path).close()
        except Exception as error:  # whatever it is, the test shows it
            errors.append(error)

    threads = [Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert any(name == "failure" for name, _ in definitions(path))
