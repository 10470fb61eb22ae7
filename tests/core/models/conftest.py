"""Rows of every kind of column, and models fitted on them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # boosting on so few rows only waits for its threads

import numpy as np
import polars as pl
import pytest

from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.pipeline.components.fit import fit
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.values import Task

ROWS = 600


def info_for(task: Task) -> PipelineInfo:
    return PipelineInfo(name="trips", task=task, target="y", entity="trip", time="at", seed=7, workspace=Path("unused"))


def rows_for(task: Task, seed: int = 0) -> pl.DataFrame:
    """Numbers, integers, booleans and strings, with nulls in one of each but the boolean."""
    rng = np.random.default_rng(seed)
    speed, weight = rng.normal(50, 12, ROWS), rng.integers(1, 40, ROWS)
    city = rng.choice(["Aarhus", "Łódź", "São Paulo", "東京"], ROWS)
    raw = (speed - 50) / 12 + (weight > 20) + (city == "東京") * 1.5 + rng.normal(0, 0.5, ROWS)
    targets: dict[Task, Any] = {
        Task.BINARY: (raw > 0.8).astype(int).tolist(),
        Task.MULTICLASS: np.array(["early", "late", "on time"])[np.digitize(raw, [0.0, 1.5])].tolist(),
        Task.REGRESSION: np.exp(raw / 2).tolist(),
    }
    frame = pl.DataFrame(
        {
            "trip": [f"t{number}" for number in range(ROWS)],
            "at": pl.datetime_range(
                pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 25, 23), "1h", time_zone="UTC", eager=True
            )[:ROWS],
            "speed": speed,
            "weight": weight,
            "night": rng.random(ROWS) < 0.3,
            "city": city.tolist(),
            "remark": rng.choice(["none", "fog", "ice"], ROWS).tolist(),
            "y": targets[task],
        }
    )
    gaps = pl.Series(rng.random(ROWS) < 0.15)
    return frame.with_columns(
        pl.when(~gaps).then(pl.col("speed")).alias("speed"),
        pl.when(~gaps.shuffle(seed=1)).then(pl.col("weight")).alias("weight"),
        pl.when(~gaps.shuffle(seed=2)).then(pl.col("remark")).alias("remark"),
    )


Train = Callable[..., FittedModel]


@pytest.fixture
def train() -> Train:
    def make(estimator: str, task: Task = Task.BINARY, **parameters: Any) -> FittedModel:
        return fit(
            {"train": rows_for(task)},
            estimator=f"sklearn.{estimator}",
            parameters=parameters,
            pipeline=info_for(task),
            report=lambda fraction, message: None,
        )

    return make


@pytest.fixture
def rows() -> Callable[..., pl.DataFrame]:
    return rows_for


@pytest.fixture
def info() -> Callable[[Task], PipelineInfo]:
    return info_for
