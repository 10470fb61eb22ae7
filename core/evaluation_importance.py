"""Permutation importance: how much worse a model gets when one field's values are shuffled among the rows.

Breiman 2001, "Random forests"; as scikit-learn's permutation_importance, but asked through the same door as every
other answer, so that it works for any kind of model. Fields that say the same thing share their importance: each
looks less important than both together are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.evaluation import Importance, ImportanceOf
from quarterdeck.core.metrics.families import METRICS
from quarterdeck.core.metrics.scoring import Floats, Rows, score_rows
from quarterdeck.core.values import Direction

MOST_ROWS = 2_000
REPEATS = 3
AT_ONCE = 50_000  # rows asked about in one question
MOST_FIELDS = 60  # with more, fewer repeats and rows: the time stays the same

Scores = Callable[[pl.DataFrame], Floats]  # a model's scores of rows, as metrics take them


def permutation_importance(
    frame: pl.DataFrame, rows: Rows, scores: Scores, names: tuple[str, ...], metric: str, *, seed: int = 0
) -> ImportanceOf:
    """The importance of the columns `names` of `frame`, whose n rows are `rows`, on at most 2,000 of them.

    A value is the metric's worsening, mean over the repeats, in the metric's unit: 0 or below means the model did as
    well without. A constant field has 0. The same seed gives the same values. Raises RefusedError where the metric
    has no meaning on the rows, and where the model answers NaN or infinity.
    """
    rng = np.random.default_rng(seed)
    few = max(1, len(names) / MOST_FIELDS)
    most, repeats = int(MOST_ROWS / few), REPEATS if few == 1 else 1
    at = np.arange(len(rows.y)) if len(rows.y) <= most else np.sort(rng.choice(len(rows.y), most, replace=False))
    part = frame[at.tolist()]
    sign = -1.0 if METRICS[metric].direction is Direction.HIGHER else 1.0

    def worsening(score: Floats) -> float:
        if not np.isfinite(score).all():
            raise RefusedError("the model answers NaN or infinity to rows with shuffled values")
        return sign * score_rows(metric, Rows(task=rows.task, y=rows.y[at], score=score, threshold=rows.threshold))

    base = worsening(rows.score[at])
    found = []
    together = max(1, AT_ONCE // (repeats * len(at)))  # few large questions: each wakes the model's threads anew
    for some in batched(names, together):
        asked = pl.concat([_shuffled(part, name, rng) for name in some for _ in range(repeats)])
        answered = scores(asked).reshape(len(some), repeats, len(at), *rows.score.shape[1:])
        for name, repeated in zip(some, answered, strict=True):
            worse = np.array([worsening(each) for each in repeated]) - base
            deviation = float(worse.std(ddof=1)) if repeats > 1 else 0.0
            found.append(Importance(field=name, worse_by=float(worse.mean()), deviation=deviation))
    found.sort(key=lambda item: (-item.worse_by, item.field))
    return ImportanceOf(metric=metric, rows=len(at), repeats=repeats, fields=tuple(found))


def batched(names: tuple[str, ...], size: int) -> list[tuple[str, ...]]:
    """The names in their order, `size` at a time."""
    return [names[start : start + size] for start in range(0, len(names), size)]


def _shuffled(part: pl.DataFrame, name: str, rng: np.random.Generator) -> pl.DataFrame:
    return part.with_columns(part[name][rng.permutation(part.height).tolist()].alias(name))
