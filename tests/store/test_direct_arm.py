"""Answers of a version that was asked for by its number are kept, and count nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from quarterdeck.core.values import CLIENT_ARMS, Arm
from quarterdeck.store import traffic_queries
from quarterdeck.store.engine import Database
from quarterdeck.store.labels import endpoints_of
from quarterdeck.store.traffic import PredictionRecord, append_labels, append_predictions, open_traffic
from quarterdeck.store.traffic_upgrade import SETTLED

NEVER = 2**60


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Database]:
    database = open_traffic(tmp_path / "traffic.db")
    yield database
    database.close()


def answer(name: str, arm: Arm, *, version: int = 1, event_at: int = 10) -> PredictionRecord:
    return PredictionRecord(
        id=name, endpoint="fuel", version=version, arm=arm.value, entity=None, event_at=event_at, at=5, latency_us=7,
        inputs='{"a":1}', answer="1", score=1.0, probabilities=None,
    )  # fmt: skip


def test_they_are_no_clients_answers_and_move_no_window(traffic: Database) -> None:
    with traffic.write() as tx:
        append_predictions(tx, [answer("a", Arm.CHAMPION), answer("b", Arm.DIRECT, event_at=NEVER)])
    with traffic.read() as tx:
        assert [row.id for row in traffic_queries.predictions_after(tx, 0, limit=9)] == ["a"]
        figures = traffic_queries.arm_figures(tx, "fuel", 1, arms=CLIENT_ARMS, since=0, until=NEVER)
        assert figures.requests == 1


def test_their_labels_are_kept_and_the_monitor_does_not_wait_for_them(traffic: Database) -> None:
    with traffic.write() as tx:
        append_predictions(tx, [answer("a", Arm.CHAMPION), answer("b", Arm.DIRECT)])
        assert endpoints_of(tx, ["b"]) == {"b": "fuel"}
        append_labels(tx, [{"id": name, "endpoint": "fuel", "label": "1", "at": 6} for name in ("a", "b")])
        assert not traffic_queries.is_counted(tx)
        rows = traffic_queries.labelled_after(tx, 0, limit=9)
        assert len(rows) == 1
        traffic_queries.set_cursor(tx, "labelled", rows[-1].seq)
        traffic_queries.set_cursor(tx, SETTLED, traffic_queries.predictions_after(tx, 0, limit=9)[-1].seq)
        assert traffic_queries.is_counted(tx)
        assert traffic_queries.arm_rows(tx, "fuel", 1, CLIENT_ARMS)[0].id == "a"
        assert traffic_queries.labelled_answers(tx, "fuel", since=0)[0].score == 1.0
