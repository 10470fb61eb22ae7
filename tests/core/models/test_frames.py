"""The one form in which models see rows."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from quarterdeck.core.errors import InputError
from quarterdeck.core.models.columns import number_matrix, row_count, row_matrix, text_matrix
from quarterdeck.core.models.frames import model_frame
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task

SIGNATURE = Signature(
    fields=(
        Field(name="night", kind=FieldKind.BOOLEAN, nullable=True),
        Field(name="city", kind=FieldKind.STRING, nullable=True),
        Field(name="weight", kind=FieldKind.INTEGER, nullable=True),
        Field(name="speed", kind=FieldKind.NUMBER, nullable=True),
    ),
    task=Task.REGRESSION,
    target="y",
)
COLUMNS = {
    "speed": [1.5, None, math.nan],
    "weight": [1, None, 3],
    "night": [True, None, False],
    "city": ["a", None, ""],
    "more": [1, 2, 3],
}


def test_a_frame_and_columns_of_the_same_rows_become_the_same() -> None:
    expected = pl.DataFrame(
        {
            "night": [1.0, math.nan, 0.0],
            "city": ["a", "", ""],
            "weight": [1.0, math.nan, 3.0],
            "speed": [1.5, math.nan, math.nan],
        }
    )
    assert_frame_equal(model_frame(COLUMNS, SIGNATURE), expected)
    assert_frame_equal(model_frame(pl.DataFrame(COLUMNS, strict=False), SIGNATURE), expected)


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="no column 'city', 'speed'"):
        model_frame({"night": [True], "weight": [1]}, SIGNATURE)
    with pytest.raises(InputError, match="no column 'night'"):
        model_frame(pl.DataFrame(COLUMNS, strict=False).drop("night"), SIGNATURE)


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_matrices_have_a_row_a_row_and_a_column_a_field(rows: int) -> None:
    columns = {name: values[:rows] for name, values in COLUMNS.items()}
    numbers = number_matrix(columns, ["weight", "speed"])
    assert numbers.shape == (rows, 2)
    assert numbers.dtype == np.float64 and numbers.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(numbers, np.array([[1, 1.5], [math.nan, math.nan], [3, math.nan]])[:rows])
    assert text_matrix(columns, ["city"]).tolist() == [["a"], [""], [""]][:rows]
    assert number_matrix(columns, []).shape == (rows, 0)
    assert row_count({}) == 0


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_rows_make_the_same_matrix_as_their_columns(rows: int) -> None:
    columns = {name: COLUMNS[name][:rows] for name in ("night", "weight", "speed")}
    for known in (columns, {name: [1.5] * rows for name in columns}):  # with values missing, and without
        found = row_matrix(list(zip(*known.values(), strict=True)))
        assert found.dtype == np.float64 and found.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(found, number_matrix(known, tuple(known)))
