from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import polars as pl
import pytest

from quarterdeck.core.errors import StepError
from quarterdeck.core.pipeline.components.split_by_time import split_by_time

START = datetime(2024, 1, 1, tzinfo=UTC)


def rows(days: int = 10) -> pl.DataFrame:
    return pl.DataFrame({"at": [START + timedelta(days=day) for day in range(days)], "y": [0, 1] * (days // 2)})


def test_the_newest_rows_are_held_out_and_none_is_in_both(info: Any) -> None:
    split = split_by_time(rows().sample(fraction=1, shuffle=True, seed=1), holdout="3d", pipeline=info())
    assert split["holdout"]["at"].min() == START + timedelta(days=7)
    assert split["train"]["at"].max() == START + timedelta(days=6)
    assert split["train"].height + split["holdout"].height == 10


def test_rows_without_a_target_are_dropped_before_the_newest_is_looked_for(info: Any) -> None:
    frame = rows().with_columns(pl.when(pl.col("at") < START + timedelta(days=8)).then("y").alias("y"))
    split = split_by_time(frame, holdout="3d", pipeline=info())
    assert split["holdout"]["at"].max() == START + timedelta(days=7)
    assert split["train"].height + split["holdout"].height == 8


def test_a_pandas_frame_is_taken_too(info: Any) -> None:
    frame = pd.DataFrame({"at": pd.to_datetime(["2024-01-01", "2024-01-09"]), "y": [0.0, 1.0], "a": [1.0, None]})
    split = split_by_time(frame, holdout="3d", pipeline=info())
    assert split["holdout"]["a"].null_count() == 1


@pytest.mark.parametrize(
    ("frame", "holdout", "time", "message"),
    [
        (rows(), "3d", None, "needs the time"),
        (rows(), "3d", "y", "not a date or a time"),
        (rows(), "300d", "at", "leaves 0 rows to train on"),
        (
            rows().with_columns(pl.lit(None).cast(pl.Int64).alias("y")),
            "3d",
            "at",
            "leaves 0 rows to train on",
        ),
        (rows().drop("y"), "3d", "at", "no column 'y'"),
        (
            pl.concat([rows(), rows()[:2].with_columns(at=None)], how="vertical_relaxed"),
            "3d",
            "at",
            "2 rows have no",
        ),
        ([1, 2], "3d", "at", "is a list, not a frame"),
    ],
)
def test_what_cannot_be_split_is_refused(info: Any, frame: Any, holdout: str, time: str | None, message: str) -> None:
    with pytest.raises(StepError, match=message):
        split_by_time(frame, holdout=holdout, pipeline=info(time=time))
