"""Split rows at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from quarterdeck.core.errors import StepError
from quarterdeck.core.pipeline.frames import HOLDOUT, TRAIN, as_frame, with_target
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.values import Task


def split_random(features: Any, *, holdout: float = 0.2, pipeline: PipelineInfo) -> dict[str, pl.DataFrame]:
    """{"train": rows, "holdout": rows}, each in the order they came; the pipeline's seed decides which.

    `holdout` is the share held out, between 0 and 1, of every class alike where the task has classes. Rows
    without a target are dropped. Where time matters, use split_by_time: a random holdout lets a model see
    the future.
    """
    if not 0 < holdout < 1:
        raise StepError(f"holdout is {holdout}; it is a share between 0 and 1.", hint="0.2 holds out a fifth")
    frame = with_target(as_frame(features, "the input"), pipeline.target)
    rng = np.random.default_rng(pipeline.seed)
    group = pl.lit(0) if pipeline.task is Task.REGRESSION else pl.col(pipeline.target)
    ranked = frame.select(place=pl.lit(pl.Series(rng.permutation(frame.height))), group=group).select(
        rank=pl.col("place").rank("ordinal").over("group"), size=pl.len().over("group")
    )
    held = ranked.select(pl.col("rank") <= (pl.col("size") * holdout).round())["rank"]
    train, kept = frame.filter(~held), frame.filter(held)
    if train.is_empty() or kept.is_empty():
        raise StepError(
            f"Of {frame.height} rows {train.height} are left to train on and {kept.height} held out.",
            hint="get more rows, or change the share",
        )
    return {TRAIN: train, HOLDOUT: kept}
