"""From a fitted estimator and its training rows to a FittedModel."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from quarterdeck.core.errors import StepError
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.reference import reference_rows
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Task


def describe_model(estimator: Any, train: pl.DataFrame, signature: Signature, seed: int) -> FittedModel:
    """What is known about `estimator`, fitted on the rows of `train`."""
    earliest, latest = training_period(train, signature.time)
    return FittedModel(
        estimator=estimator,
        signature=signature,
        reference=reference_rows(train, signature, seed),
        trained_from=earliest,
        trained_to=latest,
        rows=train.height,
    )


def training_period(train: pl.DataFrame, time: str | None) -> tuple[datetime | None, datetime | None]:
    """Earliest and latest value of the time column in UTC; (None, None) without one. A naive time counts as
    UTC.
    """
    if time is None or time not in train.columns or not train[time].dtype.is_temporal():
        return None, None
    return _utc(train[time].min()), _utc(train[time].max())


def target_array(frame: pl.DataFrame, signature: Signature) -> npt.NDArray[Any]:
    """The target of each row, (rows,): float64, int64 (booleans too) or str. Raises StepError for null, NaN,
    inf.
    """
    column = frame[signature.target]
    if column.null_count():
        raise StepError(
            f"The target {column.name!r} is null in {column.null_count()} rows of {frame.height}.",
            hint="drop these rows in a step before; split_by_time and split_random do so",
        )
    if signature.task is Task.REGRESSION:
        if not column.dtype.is_numeric():
            raise StepError(f"The target {column.name!r} is {column.dtype}; a regression's is a number.")
        values = column.cast(pl.Float64).to_numpy()
        if not np.isfinite(values).all():
            raise StepError(f"The target {column.name!r} holds NaN or infinity.", hint="drop or repair these rows")
        return values
    if column.dtype == pl.String:
        return np.array(column.to_list(), dtype=str)
    return column.cast(pl.Int64).to_numpy()


def _utc(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None
