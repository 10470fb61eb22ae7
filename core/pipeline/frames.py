"""What components accept as a frame, and as a split of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from quarterdeck.core.errors import StepError

TRAIN = "train"
HOLDOUT = "holdout"


def as_frame(value: Any, what: str) -> pl.DataFrame:
    """`value` as a polars frame; pandas is converted, NaN of pandas being missing. StepError for anything
    else.
    """
    if isinstance(value, pl.DataFrame):
        return value
    if isinstance(value, pl.LazyFrame):
        return value.collect()
    if type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "columns"):
        return pl.from_pandas(value, nan_to_null=True)
    raise StepError(
        f"{what} is a {type(value).__name__}, not a frame.",
        hint="return a polars or pandas frame from the step before",
    )


def part_of_split(split: Any, part: str) -> pl.DataFrame:
    """The rows named `part` of {"train": frame, "holdout": frame}."""
    if not isinstance(split, Mapping) or part not in split:
        raise StepError(
            f"The split has no {part!r} rows.",
            hint='it is {"train": frame, "holdout": frame}, as split_by_time returns it',
        )
    return as_frame(split[part], f"split[{part!r}]")


def with_target(frame: pl.DataFrame, target: str) -> pl.DataFrame:
    """The rows whose target is known."""
    if target not in frame.columns:
        raise StepError(f"There is no column {target!r}, the pipeline's target.", hint=", ".join(frame.columns))
    return frame.filter(pl.col(target).is_not_null())
