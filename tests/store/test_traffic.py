"""The prediction log: read on from a place, joined with labels, counted once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from quarterdeck.core.errors import UnavailableError
from quarterdeck.core.values import Arm
from quarterdeck.store import traffic_queries, traffic_windows
from quarterdeck.store.engine import Database
from quarterdeck.store.traffic import (
    PredictionRecord,
    append_labels,
    append_predictions,
    existing_label,
    known_endpoint,
    micros,
    moment,
    open_traffic,
)
from quarterdeck.store.traffic_upgrade import SETTLED


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Database]:
    with open_traffic(tmp_path / "traffic.db") as database:
        yield database


def record(number: int, *, version: int = 1, arm: Arm = Arm.CHAMPION, score: float = 0.5) -> PredictionRecord:
    return {
        "id": f"p{number}", "endpoint": "flights", "version": version, "arm": arm.value, "entity": None,
        "event_at": number * 1_000_000, "at": number, "latency_us": 1000 * (number + 1), "inputs": "{}",
        "answer": "0", "score": score, "probabilities": None,
    }  # fmt: skip


def label(number: int, value: str) -> dict[str, object]:
    return {"id": f"p{number}", "endpoint": "flights", "label": value, "at": number}


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_survives_being_kept_as_microseconds(at: datetime) -> None:
    assert moment(micros(at)) == at


def test_a_reader_goes_on_where_it_was_and_sees_clients_answers_only(traffic: Database) -> None:
    with traffic.write() as tx:
        append_predictions(tx, [record(0), record(0, version=2, arm=Arm.SHADOW), record(1)])
        first = traffic_queries.predictions_after(tx, 0, limit=1)
        traffic_queries.set_cursor(tx, "reader", first[-1].seq)
        rest = traffic_queries.predictions_after(tx, traffic_queries.cursor(tx, "reader"), limit=10)
    assert [row.id for row in (*first, *rest)] == ["p0", "p1"]


def test_pairs_hold_both_answers_in_the_order_their_labels_came(traffic: Database) -> None:
    with traffic.write() as tx:
        for number in range(3):
            answers = [record(number, score=0.1), record(number, version=2, arm=Arm.SHADOW, score=0.9)]
            append_predictions(tx, answers)
        append_predictions(tx, [record(3)])  # the challenger has no answer to this one
        append_labels(tx, [label(number, "1") for number in (2, 0, 3)])
        found = traffic_queries.pairs(tx, "flights", 1, 2)
    assert [(pair.id, pair.champion, pair.challenger) for pair in found] == [
        ("p2", 0.1, 0.9),
        ("p0", 0.1, 0.9),
    ]


def test_a_prediction_has_one_label(traffic: Database) -> None:
    with traffic.write() as tx:
        append_predictions(tx, [record(0)])
        append_labels(tx, [label(0, "1")])
        assert (existing_label(tx, "p0"), existing_label(tx, "p1")) == ("1", None)
        assert (known_endpoint(tx, "p0"), known_endpoint(tx, "p1")) == ("flights", None)
    with pytest.raises(IntegrityError), traffic.write() as tx:
        append_labels(tx, [label(0, "0")])


def test_counts_of_a_window_add_up(traffic: Database) -> None:
    with traffic.write() as tx:
        key = traffic_windows.WindowKey("flights", 1, 0)
        for rows, counts in ((3, "a"), (4, "b")):
            traffic_windows.put_counts(tx, key, 60, rows=rows, counts=counts, changed=1, at=5)
        assert traffic_windows.kept_counts(tx, key) == "b"
        assert traffic_queries.counted(tx, "flights", 1, 0) == (7, "b")
        assert traffic_queries.window_keys(tx, "flights", since=0) == [(1, 0)]


def test_all_is_counted_only_when_every_answer_and_label_was_read(traffic: Database) -> None:
    with traffic.write() as tx:
        assert traffic_queries.is_counted(tx)
        append_predictions(tx, [record(0)])
        assert not traffic_queries.is_counted(tx)
        traffic_queries.set_cursor(tx, SETTLED, 1)
        assert traffic_queries.is_counted(tx)
        append_labels(tx, [label(0, "1")])
        assert not traffic_queries.is_counted(tx)


def test_latencies_are_of_the_window_and_of_clients_answers(traffic: Database) -> None:
    with traffic.write() as tx:
        append_predictions(tx, [record(number) for number in range(100)])
        append_predictions(tx, [record(0, version=2, arm=Arm.SHADOW)])
        found = traffic_queries.latencies(tx, "flights", None, 0, 100_000_000)
        part = traffic_queries.latencies(tx, "flights", 1, 0, 10_000_000)
    assert (found.requests, found.p50_ms, found.p99_ms) == (100, 51.0, 100.0)
    assert part.requests == 10


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "traffic.db"
    with open_traffic(path) as database, database.write() as tx:
        tx.execute(text("PRAGMA user_version = 99"))
    with pytest.raises(UnavailableError, match="upgrade Quarterdeck"):
        open_traffic(path)


def test_times_are_in_order_of_their_microseconds() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert micros(at + timedelta(microseconds=1)) == micros(at) + 1
