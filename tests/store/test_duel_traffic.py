"""Whether a comparison has new labels, and since when its challenger answers clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from quarterdeck.core.values import Arm
from quarterdeck.store.duel_traffic import first_answer, newest_label
from quarterdeck.store.engine import Database
from quarterdeck.store.traffic import PredictionRecord, append_labels, append_predictions, open_traffic
from quarterdeck.store.traffic_queries import arm_rows, pairs


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Database]:
    with open_traffic(tmp_path / "traffic.db") as database:
        yield database


def answer(number: int, version: int, arm: Arm, at: int) -> PredictionRecord:
    return {
        "id": f"p{number}", "endpoint": "fuel", "version": version, "arm": arm.value, "entity": None, "event_at": 0,
        "at": at, "latency_us": 1, "inputs": "" if arm is Arm.SHADOW else '{"x": 1}', "answer": "1", "score": 1.0,
        "probabilities": None,
    }  # fmt: skip


def label(traffic: Database, number: int, endpoint: str = "fuel") -> None:
    with traffic.write() as tx:
        append_labels(tx, [{"id": f"p{number}", "endpoint": endpoint, "label": "1", "at": number}])


def test_a_label_of_this_endpoint_is_new_once(traffic: Database) -> None:
    label(traffic, 1)
    label(traffic, 2, endpoint="other")
    with traffic.read() as tx:
        seen = newest_label(tx, "fuel", after=0)
        assert newest_label(tx, "fuel", after=seen) == seen
        assert newest_label(tx, "nothing", after=7) == 7
    label(traffic, 3)
    with traffic.read() as tx:
        assert newest_label(tx, "fuel", after=seen) > seen


def test_an_arm_begins_with_its_first_answer_and_rows_before_it_are_left_out(traffic: Database) -> None:
    with traffic.write() as tx:
        append_predictions(
            tx,
            [
                answer(1, 1, Arm.CHAMPION, 10),
                answer(1, 2, Arm.SHADOW, 10),
                answer(2, 1, Arm.CHAMPION, 20),
                answer(3, 2, Arm.CHALLENGER, 25),
                answer(4, 1, Arm.CHAMPION, 30),
                answer(5, 2, Arm.CHALLENGER, 35),
            ],
        )
    for number in (5, 4, 3, 2, 1):
        label(traffic, number)
    with traffic.read() as tx:
        since = first_answer(tx, "fuel", 2, Arm.CHALLENGER)
        assert since == 25
        assert first_answer(tx, "fuel", 3, Arm.CHALLENGER) is None
        assert [row.id for row in arm_rows(tx, "fuel", 1, [Arm.CHAMPION], since=since)] == ["p4"]
        assert [row.id for row in arm_rows(tx, "fuel", 2, [Arm.CHALLENGER], since=since)] == ["p5", "p3"]
        assert [row.id for row in arm_rows(tx, "fuel", 1, [Arm.CHAMPION], limit=2)] == ["p4", "p2"]


def test_pairs_are_the_first_so_many_in_the_order_of_their_labels(traffic: Database) -> None:
    with traffic.write() as tx:
        for number in range(4):
            append_predictions(tx, [answer(number, 1, Arm.CHAMPION, 1), answer(number, 2, Arm.SHADOW, 1)])
    for number in (2, 0, 3, 1):
        label(traffic, number)
    with traffic.read() as tx:
        assert [pair.id for pair in pairs(tx, "fuel", 1, 2, limit=3)] == ["p2", "p0", "p3"]
        assert {pair.inputs for pair in pairs(tx, "fuel", 1, 2)} == {'{"x": 1}'}
