"""Metrics of regressions on labelled rows, each with what a single row adds to it (see class_measures.py)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special, stats

from quarterdeck.core.performance.beliefs import Floats, Measure

NAMES = (
    "mean_absolute_error",
    "root_mean_squared_error",
    "mean_squared_error",
    "median_absolute_error",
    "r2_score",
)
_Z = float(special.ndtri(0.975))


def measure(name: str, y: Floats, predicted: Floats) -> Measure | None:
    """A metric of n rows, (n,) true values and answers; None for no rows, and R2 of equal true values."""
    return _FUNCTIONS[name](y, predicted) if len(y) else None


def measure_all(y: Floats, predicted: Floats) -> dict[str, Measure]:
    found = {name: measure(name, y, predicted) for name in NAMES}
    return {name: item for name, item in found.items() if item is not None}


def of_rows(values: Floats) -> Measure:
    """The mean of one value a row."""
    spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return Measure(value=float(values.mean()), spread=spread, n=len(values))


def root(squared: Measure) -> Measure:
    """The root of a mean of squares, by the delta method; a mean of 0 has no error that can be told."""
    value = math.sqrt(squared.value)
    return Measure(value=value, spread=squared.spread / (2 * value) if value else math.nan, n=squared.n)


def median_interval(values: Floats, *, confidence: float = 0.95) -> tuple[float, float]:
    """Of the median, without a distribution: two order statistics (David and Nagaraja 2003, "Order statistics", 7.1).

    The least and the greatest value where there are too few for the confidence.
    """
    ordered, n = np.sort(values), len(values)
    low = int(stats.binom.ppf((1 - confidence) / 2, n, 0.5)) - 1
    low = max(low, 0)
    return float(ordered[low]), float(ordered[n - 1 - low])


def _median(y: Floats, predicted: Floats) -> Measure:
    errors = np.abs(y - predicted)
    low, high = median_interval(errors)
    spread = (high - low) / (2 * _Z) * math.sqrt(len(errors)) if len(errors) > 1 else math.nan
    return Measure(value=float(np.median(errors)), spread=spread, n=len(errors))


def _r2(y: Floats, predicted: Floats) -> Measure | None:
    n, variance = len(y), float(y.var())
    if n < 2 or np.ptp(y) == 0:
        return None
    squares = (y - predicted) ** 2
    value = 1 - float(squares.mean()) / variance
    influence = -(squares - (1 - value) * (y - y.mean()) ** 2) / variance
    return Measure(value=value, spread=float(np.sqrt((influence**2).mean())), n=n)


_FUNCTIONS: dict[str, Callable[[Floats, Floats], Measure | None]] = {
    "mean_absolute_error": lambda y, predicted: of_rows(np.abs(y - predicted)),
    "root_mean_squared_error": lambda y, predicted: root(of_rows((y - predicted) ** 2)),
    "mean_squared_error": lambda y, predicted: of_rows((y - predicted) ** 2),
    "median_absolute_error": _median,
    "r2_score": _r2,
}
