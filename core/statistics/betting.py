"""Always-valid evidence on the mean of bounded values, exact for any distribution: capital won by betting.

A bettor who believes that the mean is above m puts a share f of the capital on each value x in [low, high]:

    K+ = mean over f of the product over rows of 1 + f (x - m) / (m - low)
    K- = mean over f of the product over rows of 1 - f (x - m) / (high - m)

The capital is never negative, and where m is the mean it is a martingale that starts at 1, whatever else the
distribution is. So P(K >= 2/alpha at any n) <= alpha/2 for each, and E = max(K+, K-) / 2 reaches 1/alpha with
probability alpha at most, from the first row on. K+ falls and K- rises in m, so the m not rejected are an
interval. The shares f are laid out in advance, ten of them, each half the one before.

Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting"; Cover 1991, "Universal
portfolios", for the mixture. Beside t_mixture.py it needs the bounds and no normality: the one for failures,
where fifty rows without any do not show that there will be none.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.msprt import check_alpha

Floats = NDArray[np.float64]

_SHARES = 0.9 * 0.5 ** np.arange(10)


def log_evidence(values: ArrayLike, *, low: float, high: float, mean: float) -> Floats:
    """(n,) log E against `mean` after each of n values in [low, high], in order of arrival; low < mean < high.

    No values give an empty array. E starts near 1/2, the price of two sides. Values that are all equal to
    `mean` leave it there. Raises RefusedError on NaN, values outside the bounds, and bounds out of order.
    """
    x = _checked(values, low, high)
    if not low < mean < high:
        raise RefusedError(f"the mean in question lies between {low} and {high}, found {mean}")
    above, below = np.full(len(x), -np.inf), np.full(len(x), -np.inf)
    for share in _SHARES:  # one at a time: ten arrays of n at once would be held for nothing
        np.logaddexp(above, np.cumsum(np.log1p(share * (x - mean) / (mean - low))), out=above)
        np.logaddexp(below, np.cumsum(np.log1p(-share * (x - mean) / (high - mean))), out=below)
    return np.asarray(np.maximum(above, below) - math.log(2 * len(_SHARES)), dtype=np.float64)


def confidence_interval(values: ArrayLike, *, low: float, high: float, alpha: float) -> tuple[float, float]:
    """The means with E < 1/alpha after these n values, a part of [low, high]; all of it where n = 0.

    The intervals at all n together hold the true mean with probability 1 - alpha or more. Values that are all
    equal have an interval too, of a width of about 1/n of the range: unlike Student's it never is a point.
    """
    check_alpha(alpha)
    x = _checked(values, low, high)
    if len(x) == 0:
        return low, high
    threshold = math.log(2 / alpha)
    # The same from the other end: -x in [-high, -low].
    return _lower(x, low, high, threshold), -_lower(-x, -high, -low, threshold)


def rows_to_decide(
    values: ArrayLike, *, low: float, high: float, mean: float, alpha: float, most: int = 10_000_000
) -> int | None:
    """About how many rows in all until E reaches 1/alpha against `mean`, if values go on as these n did.

    None where it would take more than `most`, as it does where their mean is `mean`; and of no values.
    """
    check_alpha(alpha)
    x = _checked(values, low, high)
    if len(x) == 0 or not low < mean < high:
        return None
    distinct, counts = np.unique(x, return_counts=True)
    side = (distinct - mean) / (mean - low) if x.mean() > mean else -(distinct - mean) / (high - mean)
    growth = np.log1p(np.outer(_SHARES, side)) @ counts / len(x)
    threshold = math.log(2 / alpha)

    def reached(n: int) -> bool:
        return _log_mean(n * growth) >= threshold

    lower, upper = 0, most
    if not reached(upper):
        return None
    while upper - lower > 1:
        middle = (lower + upper) // 2
        lower, upper = (lower, middle) if reached(middle) else (middle, upper)
    return upper


def _lower(x: Floats, low: float, high: float, threshold: float) -> float:
    """The least m that K+ does not reject."""
    distinct, counts = np.unique(x, return_counts=True)  # failures have two or three distinct values
    weights = counts.astype(np.float64)

    def surplus(m: float) -> float:
        logs: Floats = np.log1p(np.outer(_SHARES, (distinct - m) / (m - low))) @ weights
        return _log_mean(logs) - threshold

    first, last = low + 1e-12 * (high - low), float(weights @ distinct) / len(x)  # at their own mean K+ <= 1
    if last <= first or surplus(first) <= 0:
        return low
    return float(optimize.brentq(surplus, first, last, xtol=1e-12 * (high - low)))


def _log_mean(logs: Floats) -> float:
    most = float(logs.max())
    return most + math.log(float(np.exp(logs - most).mean()))


def _checked(values: ArrayLike, low: float, high: float) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if not -math.inf < low < high < math.inf:
        raise RefusedError(f"bounds are finite and in order, found {low} and {high}")
    if x.ndim != 1 or not ((x >= low) & (x <= high)).all():
        raise RefusedError(f"betting needs a flat list of numbers between {low} and {high}")
    return x
