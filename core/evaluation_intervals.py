"""Each metric of an evaluation with its interval, and beside it the champion's on the same rows.

The quickest sound way for each: metrics that are means of row losses by BCa bootstrap, ROC AUC of two classes by
DeLong's variance, all others by the bootstrap's standard error of few resamples.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import sklearn
from numpy.typing import NDArray

from quarterdeck.core.errors import QuarterdeckError, RefusedError
from quarterdeck.core.evaluation import CONFIDENCE, Interval, Measured
from quarterdeck.core.metrics.families import METRICS
from quarterdeck.core.metrics.losses import losses_of
from quarterdeck.core.metrics.scoring import Rows, score_rows
from quarterdeck.core.statistics.bca import BootstrapMethod, RowStatistic, mean_interval
from quarterdeck.core.statistics.delong import paired_auc_difference
from quarterdeck.core.statistics.paired_bound import normal_bound, paired_bound
from quarterdeck.core.values import Task

log = logging.getLogger(__name__)

Indices = NDArray[np.intp]
Floats = NDArray[np.float64]

BCA_RESAMPLES = 2_000
RESAMPLES = 100  # of a standard error: about 7 % precision
MOST_ROWS = 20_000  # more are not resampled: a part of them is, and its error scaled to all

_MEANS = {  # metric -> the row loss whose mean it is
    "log_loss": "log_loss",
    "brier_score_loss": "brier_score_loss",
    "accuracy_score": "zero_one_loss",
    "mean_absolute_error": "absolute_error",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class KpiFigure:
    """A user's figure as a function of row numbers: of this version, and of the champion on the same rows."""

    own: RowStatistic
    champion: RowStatistic | None = None


def measure(
    values: Mapping[str, float], rows: Rows, champion: Rows | None, kpis: Mapping[str, KpiFigure], *, seed: int = 0
) -> tuple[Measured, ...]:
    """The metrics `values` of n rows, in their order, each with a two-sided 95 % interval.

    `champion` holds the champion's scores of the same rows; then each metric comes with its value there and the
    interval of the difference. Where an interval cannot be told (one row, one class, a KPI that raises on a
    resample), it is left out with the reason. The same seed gives the same intervals.
    """
    found = []
    for name, value in values.items():
        figure = _figure(name, rows, champion, kpis)
        if figure is None:
            found.append(Measured(name=name, value=value, why_not="it cannot be measured on a part of the rows"))
        else:
            found.append(_measure(name, value, figure, len(rows.y), seed))
    return tuple(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Figure:
    """A metric as a function of row numbers; `exact` gives its interval, and the difference's, without them."""

    own: RowStatistic
    champion: RowStatistic | None
    exact: Callable[[], tuple[Interval, Interval | None]] | None = None


def _figure(name: str, rows: Rows, champion: Rows | None, kpis: Mapping[str, KpiFigure]) -> _Figure | None:
    if name in kpis:
        return _Figure(own=kpis[name].own, champion=kpis[name].champion)
    if name not in METRICS:
        return None
    own, other = _metric(name, rows), None if champion is None else _metric(name, champion)
    exact = None
    if name in _MEANS:
        exact = _by_row_losses(name, rows, champion)
    elif name == "roc_auc_score" and rows.task is Task.BINARY:
        exact = _by_delong(rows, champion)
    return _Figure(own=own, champion=other, exact=exact)


def _metric(name: str, rows: Rows) -> RowStatistic:
    return lambda at: score_rows(
        name, Rows(task=rows.task, y=rows.y[at], score=rows.score[at], threshold=rows.threshold)
    )


def _measure(name: str, value: float, figure: _Figure, n: int, seed: int) -> Measured:
    interval = difference = beside = None
    why_not = ""
    try:
        beside = None if figure.champion is None else figure.champion(np.arange(n))
        interval, difference = figure.exact() if figure.exact is not None else _resampled(figure, n, seed)
    except QuarterdeckError as error:
        why_not = error.message
    except Exception as error:  # a KPI is a user's function: anything can come out of it; the figure itself stands
        log.warning("no interval of %s: %s: %s", name, type(error).__name__, error)
        why_not = f"it raised {type(error).__name__} on a part of the rows"
    return Measured(
        name=name,
        value=value,
        interval=None if interval is None else _within(interval, *_range(name)),
        champion=beside,
        difference=difference,
        why_not=why_not,
    )


def _by_row_losses(name: str, rows: Rows, champion: Rows | None) -> Callable[[], tuple[Interval, Interval | None]]:
    def losses(of: Rows) -> Floats:
        found = losses_of(of, _MEANS[name])
        return 1 - found if name == "accuracy_score" else found

    def exact() -> tuple[Interval, Interval | None]:
        own = losses(rows)
        return _mean(own), None if champion is None else _mean(own - losses(champion))

    return exact


def _mean(values: Floats) -> Interval:
    if len(values) > MOST_ROWS:
        bound = paired_bound(values, confidence=_ONE_SIDED)
        return Interval(low=bound.low, high=bound.high, method="Student's t")
    method = BootstrapMethod.BCA
    try:
        found = mean_interval(values, confidence=CONFIDENCE, method=method, resamples=BCA_RESAMPLES)
    except RefusedError:  # rows that differ in one or two places only: BCa cannot tell
        method = BootstrapMethod.PERCENTILE
        found = mean_interval(values, confidence=CONFIDENCE, method=method, resamples=BCA_RESAMPLES)
    return Interval(low=found.low, high=found.high, method=f"{method.value} bootstrap")


def _by_delong(rows: Rows, champion: Rows | None) -> Callable[[], tuple[Interval, Interval | None]]:
    def exact() -> tuple[Interval, Interval | None]:
        # a score that is the same everywhere has an area of exactly 0.5: the difference from it has the area's error
        low, high = paired_auc_difference(rows.y, rows.score, np.zeros(len(rows.y))).interval(CONFIDENCE)
        own = Interval(low=low + 0.5, high=high + 0.5, method="DeLong")
        if champion is None:
            return own, None
        low, high = paired_auc_difference(rows.y, rows.score, champion.score).interval(CONFIDENCE)
        return own, Interval(low=low, high=high, method="DeLong")

    return exact


_ONE_SIDED = 0.5 + CONFIDENCE / 2


def _resampled(figure: _Figure, n: int, seed: int) -> tuple[Interval, Interval | None]:
    """Normal intervals with the standard error of RESAMPLES resamples, both models on the same ones."""
    if n < 2:
        raise RefusedError(f"an interval needs two rows or more, found {n}")
    rng = np.random.default_rng(seed)
    of_all = np.arange(n) if n <= MOST_ROWS else np.sort(rng.choice(n, MOST_ROWS, replace=False))
    own, other = [], []
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):  # the rows are checked already
        for _ in range(RESAMPLES):
            rows = of_all[rng.integers(0, len(of_all), len(of_all))]
            try:
                value = float(figure.own(rows))
                beside = math.nan if figure.champion is None else float(figure.champion(rows))
            except RefusedError:  # one class only
                continue
            if math.isfinite(value):
                own.append(value)
                other.append(beside)
    if len(own) < RESAMPLES / 2:
        raise RefusedError(f"only {len(own)} of {RESAMPLES} resamples had a value")
    scale, everything = math.sqrt(len(of_all) / n), np.arange(n)
    interval = _normal(float(figure.own(everything)), np.array(own), scale, n)
    if figure.champion is None:
        return interval, None
    gap = float(figure.own(everything)) - float(figure.champion(everything))
    return interval, _normal(gap, np.array(own) - np.array(other), scale, n)


def _normal(estimate: float, values: Floats, scale: float, n: int) -> Interval:
    bound = normal_bound(estimate, float(np.nanstd(values, ddof=1)) * scale, n=n, confidence=_ONE_SIDED)
    return Interval(low=bound.low, high=bound.high, method="bootstrap")


def _range(name: str) -> tuple[float, float]:
    """Where a metric can lie; a user's KPI anywhere."""
    if name not in METRICS:
        return -math.inf, math.inf
    if name == "r2_score":
        return -math.inf, 1.0
    bounded = name.endswith("_score") or name == "brier_score_loss"
    return 0.0, 1.0 if bounded else math.inf


def _within(interval: Interval, least: float, greatest: float) -> Interval:
    return Interval(low=max(interval.low, least), high=min(interval.high, greatest), method=interval.method)
