"""The signature that is read from training rows."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from quarterdeck.core.errors import StepError
from quarterdeck.core.models.infer import MAX_CATEGORIES, infer_signature
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task


def test_kinds_ranges_categories_and_nulls_are_those_of_the_rows(info: Any) -> None:
    frame = pl.DataFrame(
        {
            "trip": ["t1", "t2", "t3"],
            "at": [1, 2, 3],
            "speed": [1.5, None, -2.0],
            "weight": [3, 1, 2],
            "night": [True, False, None],
            "city": ["b", "a", "b"],
            "level": pl.Series(["low", "high", None], dtype=pl.Enum(["high", "low"])),
            "price": pl.Series([Decimal("1.5"), Decimal("2.5"), Decimal("0.5")]),
            "y": [False, True, True],
        }
    )
    signature = infer_signature(frame, info(Task.BINARY))
    assert signature.fields == (
        Field(name="speed", kind=FieldKind.NUMBER, nullable=True, minimum=-2.0, maximum=1.5),
        Field(name="weight", kind=FieldKind.INTEGER, minimum=1.0, maximum=3.0),
        Field(name="night", kind=FieldKind.BOOLEAN, nullable=True),
        Field(name="city", kind=FieldKind.STRING, categories=("a", "b")),
        Field(name="level", kind=FieldKind.STRING, nullable=True, categories=("high", "low")),
        Field(name="price", kind=FieldKind.NUMBER, minimum=0.5, maximum=2.5),
    )
    assert signature.classes == (0, 1)
    assert (signature.target, signature.entity, signature.time) == ("y", "trip", "at")
    assert Signature.from_json(signature.to_json()) == signature


def test_nan_is_missing_and_no_range_is_learned_from_nothing(info: Any) -> None:
    frame = pl.DataFrame({"a": [math.nan, 1.0], "b": [None, None], "y": [0, 1]}, schema_overrides={"b": pl.Float64})
    one, other = infer_signature(frame, info(Task.BINARY)).fields
    assert (one.nullable, one.minimum, one.maximum) == (True, 1.0, 1.0)
    assert (other.nullable, other.minimum, other.maximum) == (True, None, None)


@pytest.mark.parametrize(("distinct", "kept"), [(MAX_CATEGORIES, True), (MAX_CATEGORIES + 1, False)])
def test_categories_are_kept_up_to_two_hundred(info: Any, distinct: int, kept: bool) -> None:
    frame = pl.DataFrame({"a": [str(number) for number in range(distinct)], "y": [0, *[1] * (distinct - 1)]})
    field = infer_signature(frame, info(Task.BINARY)).fields[0]
    assert (field.categories is not None) is kept


def test_classes_are_sorted_and_a_regression_has_none(info: Any) -> None:
    frame = pl.DataFrame({"a": [1.0, 2, 3], "y": ["late", "early", "late"]})
    assert infer_signature(frame, info(Task.BINARY)).classes == ("early", "late")
    assert infer_signature(frame, info(Task.BINARY)).positive == "late"
    assert infer_signature(frame.with_columns(y=1.5), info(Task.REGRESSION)).classes is None


@pytest.mark.parametrize(
    ("task", "target", "message"),
    [
        (Task.BINARY, [0, 1, 2], "3 distinct values; task binary needs exactly 2"),
        (Task.BINARY, [1, 1, 1], "1 distinct values"),
        (Task.MULTICLASS, [1, None, 1], "1 distinct values; task multiclass needs 2 or more"),
        (Task.BINARY, [0.0, 1.0, 0.0], "Float64; a binary target is boolean, integer or string"),
    ],
)
def test_a_target_that_does_not_fit_the_task_is_refused(info: Any, task: Task, target: Any, message: str) -> None:
    with pytest.raises(StepError, match=message):
        infer_signature(pl.DataFrame({"a": [1.0, 2, 3], "y": target}), info(task))


def test_a_column_that_no_model_takes_is_refused_by_name(info: Any) -> None:
    frame = pl.DataFrame({"a": [1.0, 2.0], "day": [date(2024, 1, 1)] * 2, "y": [0, 1]})
    with pytest.raises(StepError, match=r"Column 'day' is Date; a model takes numbers.*drop it"):
        infer_signature(frame, info(Task.BINARY))
    with pytest.raises(StepError, match="no feature column"):
        infer_signature(frame.select("y"), info(Task.BINARY))
