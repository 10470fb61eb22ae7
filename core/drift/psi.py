"""The population stability index: how far the shares of the same bins lie apart in two sets of rows.

    PSI = sum over bins of (q - p) ln(q / p)

with p the reference's share and q the window's. By the credit-scoring convention 0.1 is worth watching and
0.25 worth acting on. But samples of the very same source are apart too: by (bins - 1)(1/n + 1/m) on average,
and by a chi-square of bins - 1 degrees times (1/n + 1/m) in distribution (Yurdakul 2018, "Statistical
properties of the population stability index"). So a window has drifted only where its PSI is beyond the
threshold and beyond that noise.

The convention is one of ten to twenty bins, and more bins mean more noise: numbers are compared in BINS of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from quarterdeck.core.drift.bins import Floats, checked, plain
from quarterdeck.core.drift.verdict import PSI_ACT

WATCH = 0.1
ACT = PSI_ACT
BINS = 20

# Half a row more in every bin (Jeffreys). A fixed least share, as is often used, makes one empty bin of a
# small window look like a great move; half a row weighs what it should at any size.
SMOOTHING = 0.5

# Chance alone is beyond the noise level once in a thousand features and windows.
NOISE_QUANTILE = 0.999


def psi(reference: ArrayLike, window: ArrayLike, *, smoothing: float = SMOOTHING) -> float | Floats:
    """PSI of two vectors of counts over the same bins, or of many; 0 and up, without unit, the same when swapped.

    Bins that are empty on both sides do not count. NaN where either side has no rows. With `smoothing` 0 a
    bin empty on one side makes it infinite. Raises RefusedError on unequal lengths and negative counts.
    """
    p, q = checked(reference, window)
    used = (p + q) > 0
    empty = (p.sum(axis=-1) == 0) | (q.sum(axis=-1) == 0)
    p, q = (np.where(used, side + smoothing, 0.0) for side in (p, q))
    with np.errstate(divide="ignore", invalid="ignore"):  # smoothing 0: the infinity is what was asked for
        p, q = (side / side.sum(axis=-1, keepdims=True) for side in (p, q))
        parts = np.where(used, (q - p) * (np.log(q) - np.log(p)), 0.0)
    return plain(np.where(empty, np.nan, parts.sum(axis=-1)))


def psi_expected(bins: int, n: int, m: int) -> float:
    """The mean PSI of samples of n and m rows from one source. Infinite where either has none."""
    return (bins - 1) * inverse_rows(n, m) if bins > 1 else 0.0


def psi_noise(bins: ArrayLike, n: int, m: int, *, quantile: float = NOISE_QUANTILE) -> float | Floats:
    """What PSI of two such samples stays under with that probability. Infinite where either has no rows.

    `bins` may be many columns' (columns,).
    """
    used = np.asarray(bins, dtype=np.float64)
    level = special.chdtri(np.maximum(used - 1, 1), 1 - quantile) * inverse_rows(n, m)
    return plain(np.where(used > 1, level, 0.0))


def inverse_rows(n: int, m: int) -> float:
    """1/n + 1/m, infinite where either is 0."""
    return 1 / n + 1 / m if n > 0 and m > 0 else float("inf")
