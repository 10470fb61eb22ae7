"""One answer a row, from a function or another server: what is taken, and what is refused with its row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.models.row_answers import Gives, to_answers, what_it_gives
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task

FIELDS = (Field(name="a", kind=FieldKind.NUMBER),)
NUMBER = Signature(fields=FIELDS, task=Task.REGRESSION, target="y")
BINARY = Signature(fields=FIELDS, task=Task.BINARY, target="y", classes=(0, 1))
WORDS = Signature(fields=FIELDS, task=Task.BINARY, target="y", classes=("no", "yes"))
THREE = Signature(fields=FIELDS, task=Task.MULTICLASS, target="y", classes=("a", "b", "c"))


@pytest.mark.parametrize("found", [[1, 2.5], (1, 2.5), np.array([1, 2.5]), [np.float32(1), 2.5]])
def test_a_regression_gives_numbers(found: Any) -> None:
    assert to_answers(found, 2, NUMBER, Gives.VALUES).values == [1.0, 2.5]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, "1", None, True, [1.0]])
def test_a_value_that_is_no_finite_number_is_refused_with_its_row(wrong: Any) -> None:
    with pytest.raises(RefusedError, match="finite") as caught:
        to_answers([1.0, wrong], 2, NUMBER, Gives.VALUES)
    assert caught.value.where == "row 1"


@pytest.mark.parametrize("wrong", [[1.0], [1.0, 2.0, 3.0], 1.0, None, "ab", {"a": 1}])
def test_another_number_of_answers_than_rows_is_refused(wrong: Any) -> None:
    with pytest.raises(RefusedError):
        to_answers(wrong, 2, NUMBER, Gives.VALUES)


def test_a_float_of_a_binary_model_is_the_positive_class_probability() -> None:
    answers = to_answers([0.25, 0.75], 2, WORDS, Gives.PROBABILITIES)
    assert answers.labels == ["no", "yes"]
    assert answers.scores.tolist() == [0.25, 0.75]
    assert answers.probabilities is not None and answers.probabilities.tolist() == [[0.75, 0.25], [0.25, 0.75]]


def test_probabilities_by_class_stand_in_the_order_of_the_classes_whatever_theirs_is() -> None:
    answers = to_answers([{"c": 0.5, "a": 0.2, "b": 0.3}], 1, THREE, Gives.PROBABILITIES)
    assert answers.labels == ["c"]
    assert answers.probabilities is not None and answers.probabilities.tolist() == [[0.2, 0.3, 0.5]]


def test_the_text_of_a_class_stands_for_it_where_keys_are_text() -> None:
    assert to_answers([{"0": 0.1, "1": 0.9}], 1, BINARY, Gives.PROBABILITIES).labels == [1]


@pytest.mark.parametrize(
    "wrong", [{"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.5, "c": 0.5}, {"a": 2, "b": -1, "c": 0}, 0.5, "a", {"a": "x"}]
)
def test_what_are_no_probabilities_of_all_classes_is_refused(wrong: Any) -> None:
    with pytest.raises(RefusedError):
        to_answers([wrong], 1, THREE, Gives.PROBABILITIES)


@pytest.mark.parametrize("wrong", ["d", 1, 1.0, None, ["a"]])
def test_a_label_that_is_no_class_is_refused(wrong: Any) -> None:
    with pytest.raises(RefusedError, match="row 0"):
        to_answers([wrong], 1, THREE, Gives.LABELS)


def test_true_and_false_are_the_classes_1_and_0() -> None:
    assert to_answers([True, np.False_], 2, BINARY, Gives.LABELS).labels == [1, 0]


def test_labels_alone_score_one_for_the_positive_class() -> None:
    answers = to_answers([1, 0], 2, BINARY, Gives.LABELS)
    assert answers.probabilities is None
    assert answers.scores.tolist() == [1.0, 0.0]


def test_what_a_model_gives_is_read_off_its_first_answer() -> None:
    assert what_it_gives([3], 1, NUMBER) is Gives.VALUES
    assert what_it_gives([1], 1, BINARY) is Gives.LABELS
    assert what_it_gives([0.5], 1, BINARY) is Gives.PROBABILITIES
    assert what_it_gives([{"a": 1.0}], 1, THREE) is Gives.PROBABILITIES


@pytest.mark.parametrize("gives", Gives)
def test_no_rows_are_no_answers(gives: Gives) -> None:
    signature = NUMBER if gives is Gives.VALUES else BINARY
    assert len(to_answers([], 0, signature, gives).scores) == 0
