"""Metrics of labelled rows with two-sided 95 % intervals, each by the cheapest sound way.

Shares (accuracy, and of two classes precision, recall and specificity) by Wilson's interval, the median by order
statistics, the average precision by a bootstrap of bounded size, all others by their influence function and Student's
t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.performance import class_measures, number_measures
from quarterdeck.core.performance.beliefs import Beliefs, Floats, Measure, known
from quarterdeck.core.performance.spread import range_of
from quarterdeck.core.statistics.wilson import wilson_interval
from quarterdeck.core.values import Task

CONFIDENCE = 0.95
RESAMPLES = 100  # of the average precision: a standard error to 7 %
RESAMPLED_ROWS = 5_000  # more are not resampled: a part is, and its error scaled to all
AVERAGE_PRECISION = "average_precision_score"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A metric of labelled rows. `interval` is None where it cannot be told: of one row, or of rows without spread."""

    measure: Measure
    interval: tuple[float, float] | None


def measure_labelled(rows: Rows) -> dict[str, Measured]:
    """Every metric of checked rows that has a meaning on them, in the order they are shown."""
    if rows.task is Task.REGRESSION:
        found = number_measures.measure_all(rows.y, rows.score)
        return {name: Measured(measure=item, interval=_of_numbers(name, item, rows)) for name, item in found.items()}
    beliefs = known(rows.y, rows.score, threshold=rows.threshold)
    found = class_measures.measure_all(beliefs)
    if rows.task is Task.BINARY:
        found |= _average_precision(rows.y, rows.score)
    return {name: Measured(measure=item, interval=_of_classes(name, item, beliefs)) for name, item in found.items()}


def interval_of(name: str, value: float, error: float, n: int) -> tuple[float, float] | None:
    """By Student's t, within what the metric can be."""
    if n < 2 or not math.isfinite(error):
        return None
    width = float(special.stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * error
    least, greatest = range_of(name)
    return max(least, value - width), min(greatest, value + width)


def _of_numbers(name: str, found: Measure, rows: Rows) -> tuple[float, float] | None:
    if name == "median_absolute_error" and found.n > 1:
        return number_measures.median_interval(np.abs(rows.y - rows.score))
    return interval_of(name, found.value, found.standard_error, found.n)


def _of_classes(name: str, found: Measure, rows: Beliefs) -> tuple[float, float] | None:
    size = share_size(name, rows)
    if size is not None:
        return wilson_interval(min(1.0, max(0.0, found.value)), size)
    return interval_of(name, found.value, found.standard_error, found.n)


def share_size(name: str, rows: Beliefs) -> float | None:
    """Of how many rows a metric is the share; None for what is no share of rows."""
    if name == "accuracy_score":
        return float(rows.n)
    if rows.classes != 2 or name not in class_measures.SHARES:
        return None
    cells = rows.confusion
    below = {"precision_score": cells[:, 1], "recall_score": cells[1], "specificity_score": cells[0]}
    return float(below[name].sum())


def _average_precision(y: NDArray[np.intp], score: Floats) -> dict[str, Measure]:
    if not y.any():
        return {}
    rng = np.random.default_rng(0)
    part = np.arange(len(y)) if len(y) <= RESAMPLED_ROWS else rng.choice(len(y), RESAMPLED_ROWS, replace=False)
    values = []
    for _ in range(RESAMPLES):
        chosen = part[rng.integers(0, len(part), len(part))]
        if y[chosen].any():
            values.append(average_precision(y[chosen], score[chosen]))
    spread = float(np.std(values, ddof=1)) * math.sqrt(len(part)) if len(values) > 1 else math.nan
    return {AVERAGE_PRECISION: Measure(value=average_precision(y, score), spread=spread, n=len(y))}


def average_precision(y: NDArray[np.intp], score: Floats) -> float:
    """Precision at each recall, averaged over recall's steps, as scikit-learn defines it; equal scores are one step."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    right = np.cumsum(y[order])[last]
    return float(np.sum(np.diff(right, prepend=0) * (right / (last + 1))) / right[-1])
