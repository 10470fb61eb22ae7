from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from quarterdeck.core.errors import StepError
from quarterdeck.core.pipeline.components.split_random import split_random
from quarterdeck.core.values import Task


def rows() -> pl.DataFrame:
    return pl.DataFrame({"number": range(100), "y": [0] * 90 + [1] * 10})


def test_the_share_is_held_out_of_every_class_alike(info: Any) -> None:
    split = split_random(rows(), holdout=0.2, pipeline=info())
    assert split["holdout"]["y"].value_counts(sort=True)["count"].to_list() == [18, 2]
    assert sorted([*split["train"]["number"], *split["holdout"]["number"]]) == list(range(100))


def test_the_seed_decides_which_rows(info: Any) -> None:
    one, same, other = (split_random(rows(), pipeline=info(seed=seed))["holdout"] for seed in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(other)


def test_a_regression_is_split_without_classes_and_rows_without_a_target_are_dropped(info: Any) -> None:
    frame = rows().with_columns(y=pl.when(pl.col("number") < 50).then(pl.col("number") * 1.5))
    split = split_random(frame, holdout=0.1, pipeline=info(Task.REGRESSION))
    assert (split["train"].height, split["holdout"].height) == (45, 5)


@pytest.mark.parametrize("holdout", [0.0, 1.0, -0.2, 20])
def test_a_share_outside_zero_and_one_is_refused(info: Any, holdout: float) -> None:
    with pytest.raises(StepError, match="share between 0 and 1"):
        split_random(rows(), holdout=holdout, pipeline=info())


def test_too_few_rows_are_refused(info: Any) -> None:
    with pytest.raises(StepError, match="1 are left to train on and 0 held out"):
        split_random(rows()[:1], pipeline=info())
