"""Always-valid evidence on a mean whose variance is not known: the t-test's mixture along a stream.

The mixture of msprt.py laid over the standardised mean (mean / standard deviation ~ N(0, g)), with the scale
integrated out by its right Haar prior. With t the one-sample t statistic, v = n - 1 and r = 1 + n g

    E = r^(-1/2) ((1 + t^2/v) / (1 + t^2/(v r)))^((v + 1)/2)

E is a martingale under normal observations of mean 0 and any variance, so P(E >= 1/alpha at any n) <= alpha;
by the central limit theorem nearly so for others once some dozens are in. It tends to msprt.py's L as n
grows, but does not take the variance of the first few rows at its word.

Sources: Lai 1976, "On confidence sequences"; Gonen, Johnson, Lu and Westfall 2005, "The Bayesian two-sample t
test"; Wang and Ramdas 2025, "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown
variance".
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.msprt import check_alpha

Floats = NDArray[np.float64]


def log_evidence(values: ArrayLike, *, g: float) -> Floats:
    """(n,) log E after each of n observations, in order of arrival; empty input gives an empty array.

    The first is always 0: one row has no variance. Rows that are all 0 so far give evidence for the null,
    less than 0. Rows that are all the same number other than 0 have an infinite t, and E stays finite:
    r^(v/2). Raises RefusedError on NaN and infinity, and where g is not positive.
    """
    x = _checked(values, g)
    n = np.arange(1, len(x) + 1, dtype=np.float64)
    mean, squares = _running(x, n)
    v, r = n - 1, 1 + n * g
    t2_over_v = np.full_like(x, np.inf)
    np.divide(n * mean**2, squares, out=t2_over_v, where=squares > 0)
    t2_over_v[mean == 0] = 0.0
    # log((1 + u) / (1 + u/r)), which tends to log r as u grows
    ratio = np.where(np.isinf(t2_over_v), np.log(r), _log_ratio(t2_over_v, r))
    out = -0.5 * np.log(r) + 0.5 * (v + 1) * ratio
    out[:1] = 0.0
    return out


def _log_ratio(u: Floats, r: Floats) -> Floats:
    finite = np.where(np.isinf(u), 0.0, u)
    return np.log1p(finite) - np.log1p(finite / r)


def _running(x: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Mean and sum of squared deviations after each row.

    Centred on the first row, so that the difference of two large sums does not eat the digits, and rows that
    come later do not change what was found before, not even in the last digit; what rounding leaves of a sum
    that should be 0 is set to 0.
    """
    centre = x[0] if len(x) else 0.0
    shifted = x - centre
    offset = np.cumsum(shifted) / n
    total = np.cumsum(shifted**2)
    squares = total - n * offset**2
    squares[squares <= 1e-12 * np.maximum(total, n * centre**2)] = 0.0
    constant = np.maximum.accumulate(x) == np.minimum.accumulate(x)
    squares[constant] = 0.0
    return np.where(constant, x, centre + offset), squares


def confidence_radius(*, n: int, variance: float, g: float, alpha: float) -> float:
    """Half the width of the (1 - alpha) confidence sequence around the mean of n rows.

    Infinite while n is too small for any interval; 0 where the sample variance is 0 and n is not.
    """
    check_alpha(alpha)
    if n < 2:
        return math.inf
    v, r = n - 1, 1 + n * g
    k = math.exp((2 * math.log(1 / alpha) + math.log(r)) / (v + 1))
    if k >= r:
        return math.inf
    return math.sqrt(v * (k - 1) / (1 - k / r) * variance / n)


def confidence_sequence(values: ArrayLike, *, g: float, alpha: float) -> tuple[Floats, Floats]:
    """(n,) the lower and (n,) the upper end after each of n observations; empty input gives empty arrays.

    All intervals together hold the mean with probability 1 - alpha or more. An interval leaves 0 out exactly
    where log_evidence() has reached log(1/alpha). Infinite at the first rows; of no width where all rows so
    far are equal and enough. Raises RefusedError as log_evidence() does.
    """
    check_alpha(alpha)
    x = _checked(values, g)
    n = np.arange(1, len(x) + 1, dtype=np.float64)
    mean, squares = _running(x, n)
    r = 1 + n * g
    k = np.exp((2 * math.log(1 / alpha) + np.log(r)) / n)
    told = (n > 1) & (k < r)
    radius = np.full_like(x, np.inf)
    radius[told] = np.sqrt((k[told] - 1) / (1 - k[told] / r[told]) * squares[told] / n[told])
    return mean - radius, mean + radius


def rows_to_decide(effect: float, *, g: float, alpha: float, most: int = 10_000_000) -> int | None:
    """About how many rows in all until E reaches 1/alpha, if mean / standard deviation stays at `effect`.

    None where it would take more than `most`, as it does for an effect of 0.
    """
    check_alpha(alpha)
    low, high = 1, most
    if not _reached(high, effect, g, alpha):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _reached(middle, effect, g, alpha) else (middle, high)
    return high


def _reached(n: int, effect: float, g: float, alpha: float) -> bool:
    u, r = n * effect**2 / max(n - 1, 1), 1 + n * g
    return -0.5 * math.log(r) + 0.5 * n * (math.log1p(u) - math.log1p(u / r)) >= math.log(1 / alpha)


def _checked(values: ArrayLike, g: float) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise RefusedError("evidence needs a flat list of finite numbers")
    if not 0 < g < math.inf:
        raise RefusedError(f"the mixture's variance is positive, found {g}")
    return x
