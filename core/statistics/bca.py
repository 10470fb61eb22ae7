"""Confidence intervals by resampling rows in pairs: basic, percentile and BCa.

The three turn the same resamples into an interval: percentile takes their quantiles, basic mirrors them about
the estimate, BCa (bias-corrected and accelerated) shifts the quantiles for the bias and the skewness it finds,
and is right to a higher order in n. Efron 1987, "Better bootstrap confidence intervals"; Efron and Tibshirani
1993, "An introduction to the bootstrap", chapters 12 to 14. Computed by scipy.stats.bootstrap.

Rows are drawn whole, so that what two models said about a row stays together. A bound that needs fewer
resamples, because it trusts in normality: paired_bootstrap.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from quarterdeck.core.errors import RefusedError

RESAMPLES = 9_999
# BCa leaves out each row once, n passes over n rows; on so many rows the three intervals agree anyway.
MOST_ROWS_OF_BCA = 20_000
_NUMBERS_AT_ONCE = 4_000_000  # resampled numbers held in memory at a time

RowStatistic = Callable[[NDArray[np.intp]], float]


class BootstrapMethod(StrEnum):
    BASIC = "basic"
    PERCENTILE = "percentile"
    BCA = "BCa"


@dataclass(frozen=True, kw_only=True, slots=True)
class BootstrapInterval:
    """A two-sided interval around an estimate, in its unit; `low` and `high` are one-sided at half the tail each."""

    estimate: float
    standard_error: float
    low: float
    high: float
    n: int
    resamples: int  # those that had a value
    confidence: float
    method: BootstrapMethod


def mean_interval(
    values: ArrayLike,
    *,
    confidence: float = 0.95,
    method: BootstrapMethod = BootstrapMethod.BCA,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> BootstrapInterval:
    """The interval of the mean of n values (n,), n >= 2; for a paired comparison pass the rows' differences.

    Values that are all equal give low = high = estimate: nothing resampled can differ. The same seed gives
    the same interval. Raises RefusedError on fewer than two values, NaN, infinity, on a confidence outside
    (0, 1), and on BCa of more than 20,000 rows.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise RefusedError("an interval needs a flat list of finite numbers")
    _check(len(x), confidence, method, resamples)
    if (x == x[0]).all():
        return _point(float(x[0]), len(x), resamples, confidence, method)

    def mean(sample: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.asarray(sample.mean(axis=axis))

    found = _Bootstrap(x, mean, vectorized=True)
    return found.interval(float(x.mean()), confidence=confidence, method=method, resamples=resamples, seed=seed)


def paired_interval(
    statistic: RowStatistic,
    n: int,
    *,
    confidence: float = 0.95,
    method: BootstrapMethod = BootstrapMethod.BCA,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> BootstrapInterval:
    """The interval of any number that is computed from n rows, n >= 2: a metric, or the difference of two.

    `statistic` takes row numbers, (n,) with repeats, and returns one number. A resample on which it raises
    RefusedError or gives NaN (one class only) is left out. A statistic that no resample changes gives low =
    high = estimate. Raises RefusedError as mean_interval() does, where the rows as they are have no value,
    where fewer than half of the resamples have one, and where BCa cannot be told: a row without which there is
    no value, or resamples that all lie on one side of the estimate.
    """
    _check(n, confidence, method, resamples)
    estimate = float(statistic(np.arange(n)))
    if not np.isfinite(estimate):
        raise RefusedError(f"the statistic of all {n} rows is {estimate}")

    def of_rows(rows: NDArray[Any]) -> float:
        try:
            return float(statistic(rows.astype(np.intp)))
        except RefusedError:
            return np.nan

    found = _Bootstrap(np.arange(n), of_rows, vectorized=False)
    return found.interval(estimate, confidence=confidence, method=method, resamples=resamples, seed=seed)


class _Bootstrap:
    """SciPy's bootstrap in two steps: draw, leave out what has no value, then form the interval."""

    def __init__(self, data: NDArray[Any], statistic: Callable[..., Any], *, vectorized: bool) -> None:
        self.n = len(data)
        self.batch = max(1, _NUMBERS_AT_ONCE // self.n)
        self.arguments: dict[str, Any] = {"data": (data,), "statistic": statistic, "vectorized": vectorized}

    def interval(
        self, estimate: float, *, confidence: float, method: BootstrapMethod, resamples: int, seed: int
    ) -> BootstrapInterval:
        drawn = self._run("percentile", n_resamples=resamples, rng=np.random.default_rng(seed))
        values = drawn.bootstrap_distribution
        drawn.bootstrap_distribution = values = values[np.isfinite(values)]
        if len(values) < max(2, resamples / 2):
            raise RefusedError(f"only {len(values)} of {resamples} resamples had a value", hint="more rows are needed")
        if (values == estimate).all():
            return _point(estimate, self.n, len(values), confidence, method)
        again = self._run(method.value, n_resamples=0, bootstrap_result=drawn, confidence_level=confidence)
        low, high = (float(bound) for bound in again.confidence_interval)
        if not (np.isfinite(low) and np.isfinite(high)):
            raise RefusedError(
                f"the {method.value} interval of {self.n} rows cannot be told",
                hint="a value without each single row, and resamples on both sides, are needed; percentile asks less",
            )
        return BootstrapInterval(
            estimate=estimate,
            standard_error=float(values.std(ddof=1)),
            low=low,
            high=high,
            n=self.n,
            resamples=len(values),
            confidence=confidence,
            method=method,
        )

    def _run(self, method: str, **more: Any) -> Any:
        # What SciPy warns of is an interval of NaN, which interval() refuses.
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            warnings.simplefilter("ignore", stats.DegenerateDataWarning)
            return stats.bootstrap(**self.arguments, method=method, batch=self.batch, **more)


def _point(estimate: float, n: int, resamples: int, confidence: float, method: BootstrapMethod) -> BootstrapInterval:
    return BootstrapInterval(
        estimate=estimate,
        standard_error=0.0,
        low=estimate,
        high=estimate,
        n=n,
        resamples=resamples,
        confidence=confidence,
        method=method,
    )


def _check(n: int, confidence: float, method: BootstrapMethod, resamples: int) -> None:
    if n < 2:
        raise RefusedError(f"an interval needs two rows or more, found {n}")
    if not 0 < confidence < 1:
        raise RefusedError(f"confidence lies between 0 and 1, found {confidence}", hint="0.95 is usual")
    if resamples < 2:
        raise RefusedError(f"{resamples} resamples have no interval", hint=f"{RESAMPLES} is the default")
    if method is BootstrapMethod.BCA and n > MOST_ROWS_OF_BCA:
        raise RefusedError(
            f"BCa of {n} rows would take {n} passes over them",
            hint="the percentile interval, or paired_bound's, is as good on so many",
        )
