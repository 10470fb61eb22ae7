"""What may be a label, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.errors import ConflictError, InputError, NotFoundError
from quarterdeck.core.labels import judged_label
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Task
from quarterdeck.scheduler.serving.feedback import record
from quarterdeck.store.engine import Database
from quarterdeck.store.labels import labels_of
from quarterdeck.store.traffic import PredictionRecord, append_predictions, open_traffic

BINARY = Signature(fields=(), task=Task.BINARY, target="late", classes=(0, 1))
KINDS = Signature(fields=(), task=Task.MULTICLASS, target="kind", classes=("high", "low", "mid"))
FUEL = Signature(fields=(), task=Task.REGRESSION, target="tons")


@pytest.fixture
def traffic(tmp_path: Path) -> Iterator[Database]:
    with open_traffic(tmp_path / "traffic.db") as database:
        with database.write() as tx:
            append_predictions(tx, [prediction(name) for name in ("p1", "p2", "p3")])
        yield database


def prediction(name: str) -> PredictionRecord:
    return PredictionRecord(
        id=name, endpoint="flights", version=1, arm="champion", entity=None, event_at=0, at=0, latency_us=1,
        inputs="{}", answer="0", score=0.0, probabilities=None,
    )  # fmt: skip


def keep(traffic: Database, *items: Any) -> list[Any]:
    return [None if error is None else type(error) for error in record(traffic, items, lambda _: BINARY, 5)]


def kept(traffic: Database) -> dict[str, str]:
    with traffic.read() as tx:
        return labels_of(tx, ["p1", "p2", "p3"])


@pytest.mark.parametrize(
    ("label", "signature", "found"),
    [
        (1, BINARY, 1),
        (True, BINARY, 1),
        (0.0, BINARY, 0),
        ("mid", KINDS, "mid"),
        (3, FUEL, 3.0),
        (2.5, FUEL, 2.5),
    ],
)
def test_a_label_is_kept_as_the_task_writes_it(label: Any, signature: Signature, found: Any) -> None:
    result = judged_label(label, signature)
    assert result == found
    assert type(result) is type(found)


@pytest.mark.parametrize(
    ("label", "signature", "words"),
    [
        (2, BINARY, "one of the model's classes"),
        ("1", BINARY, "one of the model's classes"),
        (None, BINARY, "one of the model's classes"),
        ([1], BINARY, "one of the model's classes"),
        ("hihg", KINDS, 'did you mean "high"'),
        ("3", FUEL, "expected a number"),
        (True, FUEL, "expected a number"),
        (None, FUEL, "expected a number"),
        pytest.param(10**400, FUEL, "expected a number", id="huge"),
    ],
)
def test_what_the_task_cannot_have_is_refused(label: Any, signature: Signature, words: str) -> None:
    with pytest.raises(InputError) as caught:
        judged_label(label, signature)
    assert words in str(caught.value)


def test_the_same_label_again_changes_nothing(traffic: Database) -> None:
    assert keep(traffic, {"id": "p1", "label": 1}) == [None]
    assert keep(traffic, {"id": "p1", "label": 1}, {"id": "p1", "label": True}) == [None, None]
    assert kept(traffic) == {"p1": "1"}


def test_another_label_is_refused_and_the_first_stays(traffic: Database) -> None:
    keep(traffic, {"id": "p1", "label": 1})
    assert keep(traffic, {"id": "p1", "label": 0}) == [ConflictError]
    assert kept(traffic) == {"p1": "1"}


def test_each_item_of_a_list_is_judged_alone(traffic: Database) -> None:
    outcomes = keep(
        traffic,
        {"id": "p1", "label": 1},
        {"id": "nobody", "label": 1},
        {"id": "p2", "label": "late"},
        {"id": "p1", "label": 0},
        {"id": "p3", "label": 0},
        {"id": "p3"},
        {"id": 3, "label": 0},
        {"id": "p3", "label": 0, "note": "?"},
        7,
    )
    assert outcomes == [
        None, NotFoundError, InputError, ConflictError, None, InputError, InputError, InputError, InputError,
    ]  # fmt: skip
    assert kept(traffic) == {"p1": "1", "p3": "0"}


def test_an_unknown_id_is_named(traffic: Database) -> None:
    (error,) = record(traffic, [{"id": "nobody", "label": 1}], lambda _: BINARY, 5)
    assert isinstance(error, NotFoundError)
    assert "'nobody'" in error.message
