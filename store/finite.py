"""No NaN and no infinity in what a step returns: each is refused, with its place and how many there are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

from quarterdeck.core.errors import StepError

HINT = "a missing value is null (None); find what divides by zero or overflows"


def check_frame(frame: pl.DataFrame, where: str) -> None:
    """StepError naming the first column with NaN or infinity, in lists and structs too; null is fine."""
    for column in frame.iter_columns():
        count = _count(column)
        if count:
            raise StepError(
                f"Column {column.name!r} holds NaN or infinity in {count} of {frame.height} rows.",
                where=where,
                hint=HINT,
            )


def check_array(array: np.ndarray[Any, Any], where: str) -> None:
    """StepError with the count of NaN and infinity in an array of floating or complex numbers."""
    if array.dtype.kind not in "fc":
        return
    count = int(array.size - np.count_nonzero(np.isfinite(array)))
    if count:
        raise StepError(
            f"The array holds NaN or infinity {count} times in {array.size} numbers.", where=where, hint=HINT
        )


def check_number(number: float, where: str) -> None:
    """StepError for NaN or infinity."""
    if not math.isfinite(number):
        raise StepError(f"The result holds the number {number}.", where=where, hint=HINT)


def _count(column: pl.Series) -> int:
    if column.dtype.is_float():
        return int((~column.is_finite()).sum())  # null stays null, and does not count
    if isinstance(column.dtype, pl.List | pl.Array):
        return _count(column.explode()) if _may_hold_floats(column.dtype) else 0
    if isinstance(column.dtype, pl.Struct):
        return sum(_count(part) for part in column.struct.unnest().iter_columns())
    return 0


def _may_hold_floats(dtype: pl.DataType) -> bool:
    inner = getattr(dtype, "inner", None)
    return inner is not None and (inner.is_float() or inner.is_nested())
