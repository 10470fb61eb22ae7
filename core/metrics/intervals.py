"""A metric on n rows with a confidence interval: by the way that is cheapest for the metric.

Student's t where the metric is the mean of a loss over rows, DeLong's variance for a binary ROC AUC, the bootstrap's
standard error for everything else, a user's KPI included.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.losses import losses_of
from quarterdeck.core.metrics.scoring import Rows, score_rows
from quarterdeck.core.statistics.delong import paired_auc_difference
from quarterdeck.core.statistics.paired_bootstrap import bootstrap_bound
from quarterdeck.core.statistics.paired_bound import Bound, normal_bound, paired_bound
from quarterdeck.core.values import Task

# A metric that is the mean of one loss a row.
ROW_LOSS = {
    "brier_score_loss": "brier_score_loss",
    "log_loss": "log_loss",
    "accuracy_score": "zero_one_loss",
    "hamming_loss": "zero_one_loss",
    "mean_absolute_error": "absolute_error",
    "mean_squared_error": "squared_error",
}
MOST_ROWS = 50_000  # a resample of more costs more than its interval is worth


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A number on `n` rows, and its lower and upper bound, each one-sided; None where none can be told."""

    value: float
    interval: tuple[float, float] | None
    standard_error: float | None
    n: int


def estimate(metric: str, rows: Rows, *, confidence: float) -> Estimate:
    """A metric of checked rows with one-sided bounds, each at `confidence`. RefusedError as score_rows() raises.

    Bounds are kept within what the metric can be where that is known: [0, 1] for the areas and shares.
    """
    value = score_rows(metric, rows)
    try:
        bound = _bound(metric, rows, confidence)
    except RefusedError:
        bound = None
    if bound is None or not math.isfinite(bound.standard_error):
        return Estimate(value=value, interval=None, standard_error=None, n=len(rows.y))
    low, high = _within(metric, value - (bound.estimate - bound.low), value + (bound.high - bound.estimate))
    return Estimate(value=value, interval=(low, high), standard_error=bound.standard_error, n=len(rows.y))


def estimate_by_resampling(
    measure: Callable[[NDArray[np.intp]], float], value: float, n: int, *, confidence: float
) -> Estimate:
    """As estimate(), for a number that is a function of row numbers, whose value on all rows is known."""
    try:
        bound = bootstrap_bound(measure, n, confidence=confidence)
    except RefusedError:
        return Estimate(value=value, interval=None, standard_error=None, n=n)
    interval = (value - (bound.estimate - bound.low), value + (bound.high - bound.estimate))
    return Estimate(value=value, interval=interval, standard_error=bound.standard_error, n=n)


def _bound(metric: str, rows: Rows, confidence: float) -> Bound | None:
    if metric in ROW_LOSS and not (metric == "log_loss" and rows.task is Task.REGRESSION):
        bound = paired_bound(losses_of(rows, ROW_LOSS[metric]), confidence=confidence)
        flipped = metric == "accuracy_score"
        return replace(bound, estimate=1 - bound.estimate, low=1 - bound.high, high=1 - bound.low) if flipped else bound
    if metric == "roc_auc_score" and rows.task is Task.BINARY:
        # a score that says nothing has the area 1/2 without any variance: what differs is this one's alone
        found = paired_auc_difference(rows.y, rows.score, np.zeros(len(rows.y)))
        return normal_bound(found.first, found.standard_error, n=len(rows.y), confidence=confidence)
    if len(rows.y) > MOST_ROWS:
        return None
    return bootstrap_bound(lambda chosen: score_rows(metric, take(rows, chosen)), len(rows.y), confidence=confidence)


def take(rows: Rows, chosen: NDArray[np.intp]) -> Rows:
    """The chosen rows, by number; a number may come more than once."""
    return replace(rows, y=rows.y[chosen], score=rows.score[chosen])


def _within(metric: str, low: float, high: float) -> tuple[float, float]:
    if metric in _SHARES:
        return max(0.0, low), min(1.0, high)
    return (max(0.0, low), high) if metric.endswith(("_error", "_loss", "_deviance")) else (low, high)


_SHARES = frozenset(
    {
        "roc_auc_score",
        "average_precision_score",
        "brier_score_loss",
        "accuracy_score",
        "f1_score",
        "balanced_accuracy_score",
        "precision_score",
        "recall_score",
        "jaccard_score",
        "hamming_loss",
        "top_2_accuracy_score",
    }
)
