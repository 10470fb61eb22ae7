"""The signature of a model, read from the frame it is trained on."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from quarterdeck.core.errors import StepError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.toml_table import expected_names
from quarterdeck.core.values import Task

MAX_CATEGORIES = 200


def infer_signature(frame: pl.DataFrame, pipeline: PipelineInfo, features: Sequence[str] | None = None) -> Signature:
    """What a model trained on `frame` takes and gives.

    Features are the given ones, or every column but target, entity and time. A string field keeps its
    categories where there are at most 200; ranges and categories are those of the non-null values. Raises
    StepError for a column that is not there, of a type that no model takes, or for an unusable target.
    """
    names = feature_names(frame, pipeline, features)
    return Signature(
        fields=tuple(_field(frame[name]) for name in names),
        task=pipeline.task,
        target=pipeline.target,
        entity=pipeline.entity,
        time=pipeline.time,
        classes=None if pipeline.task is Task.REGRESSION else _classes(frame[pipeline.target], pipeline.task),
    )


def feature_names(frame: pl.DataFrame, pipeline: PipelineInfo, features: Sequence[str] | None) -> tuple[str, ...]:
    """The columns that a model sees, checked to be there."""
    if pipeline.target not in frame.columns:
        raise _no_column(pipeline.target, frame, "the pipeline's target")
    if features is None:
        apart = {pipeline.target, pipeline.entity, pipeline.time}
        names = tuple(name for name in frame.columns if name not in apart)
    else:
        names = tuple(features)
    for name in names:
        if name not in frame.columns:
            raise _no_column(name, frame, "listed in features")
    if pipeline.target in names:
        raise StepError(f"The target {pipeline.target!r} is listed in features.", hint="a model may not see its target")
    if not names:
        raise StepError("There is no feature column.", hint="the frame has only target, entity and time")
    return names


def _no_column(name: str, frame: pl.DataFrame, what: str) -> StepError:
    return StepError(f"There is no column {name!r}, {what}.", hint=expected_names(name, frame.columns))


def _field(column: pl.Series) -> Field:
    kind = _kind(column)
    nullable = column.null_count() > 0
    if kind is FieldKind.STRING:
        values = column.drop_nulls().cast(pl.String).unique()
        categories = tuple(sorted(values.to_list())) if len(values) <= MAX_CATEGORIES else None
        return Field(name=column.name, kind=kind, nullable=nullable, categories=categories)
    if kind is FieldKind.BOOLEAN:
        return Field(name=column.name, kind=kind, nullable=nullable)
    numbers = column.cast(pl.Float64).drop_nulls()
    finite = numbers.filter(numbers.is_finite())
    return Field(
        name=column.name,
        kind=kind,
        nullable=nullable or bool(numbers.is_nan().any()),
        minimum=float(finite.to_numpy().min()) if len(finite) else None,
        maximum=float(finite.to_numpy().max()) if len(finite) else None,
    )


def _kind(column: pl.Series) -> FieldKind:
    dtype = column.dtype
    if dtype == pl.Boolean:
        return FieldKind.BOOLEAN
    if dtype.is_integer():
        return FieldKind.INTEGER
    if dtype.is_numeric():
        return FieldKind.NUMBER
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return FieldKind.STRING
    raise StepError(
        f"Column {column.name!r} is {dtype}; a model takes numbers, integers, booleans and strings.",
        hint="turn it into one of these in a step before, drop it, or list the others in features",
    )


def _classes(target: pl.Series, task: Task) -> tuple[str | int, ...]:
    if not (target.dtype == pl.Boolean or target.dtype.is_integer() or target.dtype == pl.String):
        raise StepError(
            f"The target {target.name!r} is {target.dtype}; a {task} target is boolean, integer or string.",
            hint="cast it in a step before, or set task",
        )
    values = sorted(target.drop_nulls().unique().to_list())
    if (task is Task.BINARY and len(values) != 2) or len(values) < 2:
        wanted = "exactly 2" if task is Task.BINARY else "2 or more"
        raise StepError(
            f"The target {target.name!r} has {len(values)} distinct values; task {task} needs {wanted}.",
            hint="look at the rows that reach this step",
        )
    return tuple(value if isinstance(value, str) else int(value) for value in values)
