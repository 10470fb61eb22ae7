"""Which rows are expected of a version: only those that a request may hold and that the model answers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.models.expected import MOST, expected_inputs
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.prediction import compile_checker
from quarterdeck.core.values import Task

SIGNATURE = Signature(
    fields=(
        Field(name="x", kind=FieldKind.NUMBER, minimum=0.0, maximum=9.0),
        Field(name="n", kind=FieldKind.INTEGER, nullable=True, minimum=0, maximum=5),
        Field(name="port", kind=FieldKind.STRING, categories=("A", "B")),
    ),
    task=Task.REGRESSION,
    target="y",
)


def frame(rows: int) -> pl.DataFrame:
    return pl.DataFrame({
        "x": [float(row % 10) for row in range(rows)],
        "n": [None if row == 3 else row % 6 for row in range(rows)],
        "port": ["AB"[row % 2] for row in range(rows)],
    })  # fmt: skip


def answers(values: list[float]) -> Answers:
    return Answers(values=values, labels=None, probabilities=None, scores=np.array(values))


def double(columns: Any) -> Answers:
    return answers([2 * value for value in columns["x"]])


@pytest.mark.parametrize("rows", [1, 10, 200])
def test_they_are_checked_distinct_and_few(rows: int) -> None:
    found = expected_inputs(frame(rows), SIGNATURE, double)
    assert found is not None
    assert compile_checker(SIGNATURE).check(found.rows).rows == len(found.rows) <= MOST
    assert len({str(row) for row in found.rows}) == len(found.rows)
    assert all(answer == {"value": 2 * row["x"]} for row, answer in zip(found.rows, found.answers, strict=True))
    assert {-9.0, 18.0} <= {row["x"] for row in found.rows}  # below and above what training saw


def test_the_same_model_gives_the_same_rows() -> None:
    first, second = (expected_inputs(frame(200), SIGNATURE, double) for _ in range(2))
    assert first == second


def test_rows_that_the_model_refuses_are_expected_of_nobody() -> None:
    def refuses(columns: Any) -> Answers:
        if max(columns["x"]) > 9:
            raise ValueError("out of its range")
        return double(columns)

    found = expected_inputs(frame(20), SIGNATURE, refuses)
    assert found is not None
    assert max(row["x"] for row in found.rows) == 9.0


def test_answers_that_json_has_no_word_for_are_left_out() -> None:
    found = expected_inputs(
        frame(20), SIGNATURE, lambda columns: answers([math.nan if x > 5 else x for x in columns["x"]])
    )
    assert found is not None
    assert max(row["x"] for row in found.rows) <= 5


def test_a_model_that_answers_nothing_has_none() -> None:
    def never(columns: Any) -> Answers:
        raise ValueError("no")

    assert expected_inputs(frame(20), SIGNATURE, never) is None


def test_without_edges_only_the_reference_is_asked() -> None:
    found = expected_inputs(frame(20), SIGNATURE, double, edges=False)
    assert found is not None
    assert {row["x"] for row in found.rows} <= set(frame(20)["x"])


def test_classes_are_named_as_the_server_names_them() -> None:
    signature = Signature(fields=SIGNATURE.fields, task=Task.BINARY, target="y", classes=(0, 1))

    def ask(columns: Any) -> Answers:
        shares = np.array([[0.25, 0.75]] * len(columns["x"]))
        return Answers(values=None, labels=[1] * len(shares), probabilities=shares, scores=shares[:, 1])

    found = expected_inputs(frame(20), signature, ask)
    assert found is not None
    assert found.answers[0] == {"label": 1, "probabilities": {"0": 0.25, "1": 0.75}}


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=30))
def test_whatever_the_reference_holds_only_what_passes_is_kept(values: list[float]) -> None:
    reference = frame(len(values)).with_columns(pl.Series("x", values, dtype=pl.Float64))
    found = expected_inputs(reference, SIGNATURE, double)
    if found is not None:
        assert compile_checker(SIGNATURE).check(found.rows).rows == len(found.rows)
        found.to_bytes()
