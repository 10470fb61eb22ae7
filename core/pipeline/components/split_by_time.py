"""Split rows by time: the newest are kept back for evaluation."""

from __future__ import annotations

from typing import Any

import polars as pl

from quarterdeck.core.durations import parse_duration
from quarterdeck.core.errors import StepError
from quarterdeck.core.pipeline.frames import HOLDOUT, TRAIN, as_frame, with_target
from quarterdeck.core.pipeline.info import PipelineInfo


def split_by_time(features: Any, *, holdout: str, pipeline: PipelineInfo) -> dict[str, pl.DataFrame]:
    """{"train": older rows, "holdout": the newest}, each in the order they came.

    A row is held out where its time is within `holdout` ("30d") of the newest row's. Rows without a target
    are dropped first, so that the newest row is one that can be evaluated.
    """
    frame = with_target(as_frame(features, "the input"), pipeline.target)
    time = pipeline.time
    if time is None or time not in frame.columns:
        raise StepError(
            "split_by_time needs the time of each row.",
            hint="set pipeline.time to a column, or use split_random",
        )
    if not frame[time].dtype.is_temporal():
        raise StepError(f"The time column {time!r} is {frame[time].dtype}, not a date or a time.")
    if frame[time].null_count():
        raise StepError(f"{frame[time].null_count()} rows have no time in {time!r}.", hint="drop them in a step before")
    held = pl.col(time) > pl.col(time).max() - parse_duration(holdout)
    train, kept = frame.filter(~held), frame.filter(held)
    if train.is_empty() or kept.is_empty():
        raise StepError(
            f"A holdout of {holdout} leaves {train.height} rows to train on and {kept.height} held out.",
            hint="choose a holdout shorter than the time the rows span",
        )
    return {TRAIN: train, HOLDOUT: kept}
