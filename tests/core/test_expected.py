"""Expected inputs: kept as they are, and held against what a server answers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import IntegrityError
from quarterdeck.core.expected import Expected, compare

LATE = {"label": "late", "probabilities": {"late": 0.75, "on time": 0.25}}


def regression(*values: float) -> Expected:
    return Expected(rows=tuple({"x": value} for value in values), answers=tuple({"value": value} for value in values))


def classifier() -> Expected:
    return Expected(rows=({"x": 1.0},), answers=(dict(LATE),))


def test_expected_inputs_survive_their_artifact() -> None:
    expected = Expected(rows=({"x": 0.1 + 0.2, "é": None},), answers=(dict(LATE),))
    assert Expected.from_bytes(expected.to_bytes()) == expected
    assert expected.to_bytes() == Expected.from_bytes(expected.to_bytes()).to_bytes()


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"format": 2, "rows": [{}], "answers": [{}]}', b'{"format": 1, "rows": [], "answers": []}',
     b'{"format": 1, "rows": [{}], "answers": []}'],
)  # fmt: skip
def test_what_is_no_expected_inputs_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="service expect"):
        Expected.from_bytes(data)


def test_the_same_answers_do_not_differ_whatever_is_beside_them() -> None:
    assert compare(classifier(), [LATE | {"id": "p1", "probability": 0.75}]) == []


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_answers_do_not_differ_from_themselves(values: list[float]) -> None:
    expected = regression(*values)
    assert compare(expected, [json.loads(json.dumps(answer)) for answer in expected.answers]) == []


def test_a_hundred_thousandth_is_the_limit() -> None:
    expected = regression(100.0)
    assert compare(expected, [{"value": 100.0009}]) == []
    (found,) = compare(expected, [{"value": 100.002}])
    assert (found.row, found.what, found.by) == (0, "value", pytest.approx(2e-5))


def test_what_is_small_beside_the_others_is_not_held_to_its_own_size() -> None:
    assert compare(regression(1000.0, 1e-9), [{"value": 1000.0}, {"value": 2e-9}]) == []


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "1", True])
def test_what_is_no_number_differs(value: Any) -> None:
    (found,) = compare(regression(1.0), [{"value": value}])
    assert found.by == math.inf


def test_label_and_probabilities_are_compared_by_name() -> None:
    served = {"label": "on time", "probabilities": {"late": 0.75}}
    assert [(found.what, found.served) for found in compare(classifier(), [served])] == [
        ("label", "on time"), ("probability of on time", None),
    ]  # fmt: skip


def test_a_row_without_an_answer_differs_and_says_why() -> None:
    (found,) = compare(classifier(), ["HTTP 500: it failed"])
    assert (found.what, found.expected, found.served) == ("answer", "late", "HTTP 500: it failed")
