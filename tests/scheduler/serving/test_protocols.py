"""Bodies in, bodies out."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import InputError, QuarterdeckError, UsageError
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Task
from quarterdeck.scheduler.serving.limits import DEFAULT
from quarterdeck.scheduler.serving.protocols import (
    Plain,
    Shape,
    decode,
    decode_labels,
    decode_rows,
)


def signature(task: Task, classes: tuple[str | int, ...] | None) -> Signature:
    return Signature(fields=(), task=task, target="y", classes=classes)


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b'{"a": 1}', [{"a": 1}]),
        (b'[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        (b'{"rows": [{"a": 1}]}', [{"a": 1}]),
        (b'{"rows": 3}', [{"rows": 3}]),  # a model may have a field of that name
        (b'{"rows": [1], "a": 2}', [{"rows": [1], "a": 2}]),
    ],
)
def test_a_row_a_list_and_an_envelope_are_rows(body: bytes, rows: list[object]) -> None:
    assert decode_rows(body) == rows


@pytest.mark.parametrize("body", [b"3", b'"a"', b"null", b"true"])
def test_other_json_is_no_row(body: bytes) -> None:
    with pytest.raises(InputError, match="expected a row"):
        decode_rows(body)


@pytest.mark.parametrize("body", [b"[]", b'{"rows": []}'])
def test_no_rows_are_refused(body: bytes) -> None:
    with pytest.raises(InputError, match="no rows"):
        decode_rows(body)


def test_too_many_rows_are_refused() -> None:
    assert len(decode_rows(json.dumps([{}] * DEFAULT.body_rows).encode())) == DEFAULT.body_rows
    with pytest.raises(InputError, match="10,001 rows, more than 10,000"):
        decode_rows(json.dumps([{}] * (DEFAULT.body_rows + 1)).encode())


@pytest.mark.parametrize(
    ("body", "where", "words"),
    [
        (b"", "line 1, column 1", "the body is empty"),
        (b'{"a": 1', "line 1, column 8", "ends too early"),
        (b'{"a": NaN}', "line 1, column 7", "invalid character"),
        (b'{\n  "a": 1,\n  b: 2\n}', "line 3, column 3", ""),
        (b'{"a": 1} x', "line 1, column 10", "trailing"),
        (b"\xff\xfe", "line 1, column 1", ""),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(body: bytes, where: str, words: str) -> None:
    with pytest.raises(UsageError, match="not JSON") as caught:
        decode(body)
    assert caught.value.where == where
    assert words in caught.value.message
    assert caught.value.http_status == 400


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": 1e999}', "too many digits"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "too many digits"),
    ],
)
def test_hostile_json_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        decode(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    try:
        decode(body)
    except UsageError as error:
        assert error.http_status == 400


def test_labels_come_alone_or_as_a_list() -> None:
    assert decode_labels(b'{"id": "x", "label": 1}') == ([{"id": "x", "label": 1}], False)
    assert decode_labels(b'[{"id": "x", "label": 1}]') == ([{"id": "x", "label": 1}], True)
    with pytest.raises(InputError, match="no labels"):
        decode_labels(b"[]")


def test_a_value_is_answered_as_a_value() -> None:
    answers = Plain.of(Answers(values=[1.5, 2.5], labels=None, probabilities=None, scores=np.array([1.5, 2.5])))
    body = Shape("fuel", 3, signature(Task.REGRESSION, None)).encode(["x"], answers, 1)
    assert json.loads(body) == {
        "endpoint": "fuel",
        "version": 3,
        "predictions": [{"id": "x", "value": 2.5}],
    }


def test_a_label_comes_with_its_own_probability_and_all_of_them() -> None:
    answers = Plain.of(Answers(values=None, labels=[0], probabilities=np.array([[0.8, 0.2]]), scores=np.array([0.2])))
    body = Shape("flights", 1, signature(Task.BINARY, (0, 1))).encode(["x"], answers, 0)
    assert json.loads(body)["predictions"] == [
        {"id": "x", "label": 0, "probability": 0.8, "probabilities": {"0": 0.8, "1": 0.2}}
    ]


def test_a_classifier_without_probabilities_answers_its_label() -> None:
    answers = Plain.of(Answers(values=None, labels=["b"], probabilities=None, scores=np.array([1.0])))
    body = Shape("kinds", 1, signature(Task.MULTICLASS, ("a", "b", "c"))).encode(["x"], answers, 0)
    assert json.loads(body)["predictions"] == [{"id": "x", "label": "b"}]


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_an_answer_that_is_no_finite_number_is_a_failure(score: float) -> None:
    with pytest.raises(QuarterdeckError, match="not a finite number"):
        Plain.of(Answers(values=[score], labels=None, probabilities=None, scores=np.array([score])))


def test_parts_cut_out_and_joined_are_the_whole() -> None:
    whole = Plain(values=None, labels=[0, 1, 1], probabilities=[[1, 0], [0, 1], [0, 1]], scores=[0, 1, 1])
    assert Plain.joined([whole.cut(0, 1), whole.cut(1, 2)]) == whole


@given(
    st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=3, unique=True),
    st.floats(0, 1),
)
def test_classes_of_any_name_are_written_as_json(names: list[str], probability: float) -> None:
    classes = tuple(sorted(names))
    odds = [probability] + [(1 - probability) / (len(classes) - 1)] * (len(classes) - 1)
    answers = Plain(values=None, labels=[classes[0]], probabilities=[odds], scores=[probability])
    body = json.loads(Shape('a "model"', 3, signature(Task.MULTICLASS, classes)).encode(["id-1"], answers, 0))
    (prediction,) = body["predictions"]
    assert (body["endpoint"], body["version"], prediction["label"]) == ('a "model"', 3, classes[0])
    assert prediction["probability"] == probability
    assert prediction["probabilities"] == dict(zip(classes, odds, strict=True))
