"""Labels looked up many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from quarterdeck.store.engine import Database
from quarterdeck.store.labels import endpoints_of, labels_of
from quarterdeck.store.traffic import PredictionRecord, append_labels, append_predictions, open_traffic


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Database]:
    with open_traffic(tmp_path / "traffic.db") as database:
        yield database


def prediction(number: int) -> PredictionRecord:
    return PredictionRecord(
        id=f"p{number}", endpoint=f"e{number % 2}", version=1, arm="champion", entity=None, event_at=0, at=0,
        latency_us=1, inputs="{}", answer="0", score=0.0, probabilities=None,
    )  # fmt: skip


def test_more_ids_than_one_query_takes_are_all_found(traffic: Database) -> None:
    with traffic.write() as tx:
        append_predictions(tx, [prediction(number) for number in range(1_203)])
        append_labels(
            tx,
            [{"id": f"p{number}", "endpoint": "e0", "label": str(number), "at": 0} for number in range(1_101)],
        )
        ids = [f"p{number}" for number in range(1_300)]
        endpoints, labels = endpoints_of(tx, ids), labels_of(tx, ids)
    assert endpoints == {f"p{number}": f"e{number % 2}" for number in range(1_203)}
    assert labels == {f"p{number}": str(number) for number in range(1_101)}


def test_no_ids_find_nothing(traffic: Database) -> None:
    with traffic.read() as tx:
        assert endpoints_of(tx, []) == {}
        assert labels_of(tx, []) == {}
