"""How far apart, by Jensen-Shannon or Hellinger, samples of one source are by chance.

Both squared distances are sums over bins. With n rows on one side and m on the other, the smaller m, a bin that
expects x rows adds k(X, x) / 2m, where X is Poisson around x:

    Hellinger         k = (sqrt(X) - sqrt(x))^2
    Jensen-Shannon    k = x ln(2x / (x + X)) + X ln(2X / (x + X))

For large x both become a chi-square of one degree over 4 (the delta method); for x of a few rows they are far above
it, and then a bound from the chi-square alone would call every small window drifted. So mean and variance of k are
computed from the Poisson distribution itself, and the sum is taken as a gamma variable of that mean and variance. The
rows of the larger side add their share by the factor 1 + m/n.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import special

from quarterdeck.core.drift.bins import Floats

LARGE = 60.0  # expected rows from which k has its limit, within 2 %
_GRID = np.concatenate([[0.0], np.geomspace(1e-4, LARGE, 240)])
_LIMIT = (0.25, 0.125)


def distance_noise(method: str, reference: Floats, window: Floats, *, quantile: float) -> Floats:
    """What the distance of (columns, bins) of counts stays under with that probability, were both of one source.

    `method` is "jensen_shannon" or "hellinger". Infinite where either side has no rows.
    """
    n, m = reference.sum(axis=-1), window.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (reference + window) / (n + m)[..., None]
        small, large = np.minimum(n, m), np.maximum(n, m)
        mean, variance = (part.sum(axis=-1) for part in _moments(method, pooled * small[..., None]))
        total = special.gammaincinv(mean**2 / variance, quantile) * variance / mean
        level = np.sqrt(total * (1 + small / large) / (2 * small))
    return np.where(small > 0, np.nan_to_num(level), np.inf)


def _moments(method: str, expected: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of k for each bin's expected rows."""
    means, variances = _table(method)
    near = np.minimum(np.nan_to_num(expected), LARGE)
    return np.interp(near, _GRID, means), np.interp(near, _GRID, variances)


@cache
def _table(method: str) -> tuple[Floats, Floats]:
    found = np.arange(0.0, 200.0)
    x = _GRID[1:, None]
    weight = np.exp(special.xlogy(found, x) - x - special.gammaln(found + 1))
    k = _TERMS[method](found, x)
    mean = (weight * k).sum(axis=1)
    variance = (weight * np.square(k - mean[:, None])).sum(axis=1)
    mean[-1], variance[-1] = _LIMIT
    return np.concatenate([[0.0], mean]), np.concatenate([[0.0], variance])


def _hellinger(found: Floats, expected: Floats) -> Floats:
    return np.asarray(np.square(np.sqrt(found) - np.sqrt(expected)))


def _jensen_shannon(found: Floats, expected: Floats) -> Floats:
    middle = (found + expected) / 2
    return np.asarray(special.rel_entr(found, middle) + special.rel_entr(expected, middle))


_TERMS = {"hellinger": _hellinger, "jensen_shannon": _jensen_shannon}
