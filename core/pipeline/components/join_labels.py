"""Put people's labels onto the rows that they are about."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl

from quarterdeck.core.durations import parse_duration
from quarterdeck.core.errors import StepError
from quarterdeck.core.pipeline.frames import as_frame
from quarterdeck.core.pipeline.info import PipelineInfo

_NEW, _TIME, _KEY, _ROW = "_review_label", "_review_at", "_review_key", "_review_row"


def join_labels(rows: Any, labels: Any, *, within: str | None = None, pipeline: PipelineInfo) -> pl.DataFrame:
    """`rows`, in which a label of `labels` (as the component `review_labels` gives them) takes the target's place.

    A label belongs to the rows with its entity and its time; with `within` ("1h"), to the rows of its entity at most so
    far from its time, each taking the nearest one's. Without a pipeline.time it is the entity alone. Of several labels
    for the same entity and time the one that was given last counts. `rows` without the target get it. Rows keep their
    order and number. StepError where the pipeline names no entity, or `rows` lack it.
    """
    frame, given = as_frame(rows, "the rows"), as_frame(labels, "the labels")
    _check(frame, given, pipeline)
    fresh = _last(given, pipeline)
    target = pl.col(pipeline.target)
    if pipeline.target not in frame.columns:
        frame = frame.with_columns(pl.lit(None, dtype=given[pipeline.target].dtype).alias(pipeline.target))
    keyed = frame.with_row_index(_ROW).with_columns(pl.col(pipeline.entity or "").cast(pl.String).alias(_KEY))
    joined = _joined(keyed, fresh, None if within is None else parse_duration(within), pipeline)
    dtype = frame[pipeline.target].dtype
    kind = given[pipeline.target].dtype if dtype == pl.Null else dtype
    filled = joined.sort(_ROW).with_columns(
        pl.coalesce(pl.col(_NEW).cast(kind), target.cast(kind)).alias(pipeline.target)
    )
    return filled.select(frame.columns)


def _check(frame: pl.DataFrame, given: pl.DataFrame, pipeline: PipelineInfo) -> None:
    if pipeline.entity is None:
        raise StepError("join_labels needs to know what a row is about.", hint="set pipeline.entity to a column")
    for column in (pipeline.entity, pipeline.time):
        if column is not None and column not in frame.columns:
            raise StepError(f"The rows have no column {column!r}.", hint=", ".join(frame.columns))
    lacking = [
        name for name in ("review_entity", "review_time", "decided_at", pipeline.target) if name not in given.columns
    ]
    if lacking:
        raise StepError(f"The labels have no column {lacking[0]!r}.", hint='use the component "review_labels"')


def _last(given: pl.DataFrame, pipeline: PipelineInfo) -> pl.DataFrame:
    """One label an entity and time: the one that was decided last."""
    keys = [_KEY] if pipeline.time is None else [_KEY, _TIME]
    return (
        given.sort("decided_at")
        .select(
            pl.col("review_entity").alias(_KEY),
            pl.col("review_time").alias(_TIME),
            pl.col(pipeline.target).alias(_NEW),
        )
        .filter(pl.col(_KEY).is_not_null())
        .unique(keys, keep="last", maintain_order=True)
    )


def _joined(keyed: pl.DataFrame, fresh: pl.DataFrame, within: timedelta | None, pipeline: PipelineInfo) -> pl.DataFrame:
    if pipeline.time is None:
        return keyed.join(fresh.drop(_TIME), on=_KEY, how="left")
    timed = keyed.with_columns(_utc(keyed[pipeline.time], pipeline.time).alias(_TIME))
    if within is None:
        return timed.join(fresh, on=[_KEY, _TIME], how="left")
    # rows without a time have no nearest label
    some, none = timed.filter(pl.col(_TIME).is_not_null()), timed.filter(pl.col(_TIME).is_null())
    nearest = some.sort(_TIME).join_asof(
        fresh.sort(_TIME),
        on=_TIME,
        by=_KEY,
        strategy="nearest",
        tolerance=within,
        check_sortedness=False,  # just sorted; polars cannot see it with `by`
    )
    return pl.concat([nearest, none.with_columns(pl.lit(None, dtype=fresh[_NEW].dtype).alias(_NEW))])


def _utc(column: pl.Series, name: str) -> pl.Series:
    """Times as the labels have them; one without a zone is UTC, as the prediction server reads it."""
    if not column.dtype.is_temporal():
        raise StepError(f"The time column {name!r} is {column.dtype}, not a date or a time.")
    moments = column.cast(pl.Datetime("us")) if column.dtype == pl.Date else column
    zone = getattr(moments.dtype, "time_zone", None)
    aware = moments.dt.replace_time_zone("UTC") if zone is None else moments.dt.convert_time_zone("UTC")
    return aware.dt.cast_time_unit("us")
