"""The population stability index: how far the shares of the same bins lie apart in two sets of rows.

    PSI = sum over bins of (q - p) ln(q / p)

with p the reference's share and q the window's. By the credit-scoring convention 0.1 is worth watching and
0.25 worth acting on. But samples of the very same source are apart too: by (bins - 1)(1/n + 1/m) on average,
and by a chi-square of bins - 1 degrees times (1/n + 1/m) in distribution (Yurdakul 2018, "Statistical
properties of the population stability index"). So a window has drifted only where its PSI is beyond the
threshold and beyond that noise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from quarterdeck.core.drift.verdict import DriftResult, decide_drift
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.profile import BinCounts, Counts, FeatureProfile, Profile

WATCH = 0.1
ACT = 0.25

# Half a row more in every bin (Jeffreys). A fixed least share, as is often used, makes one empty bin of a
# small window look like a great move; half a row weighs what it should at any size.
SMOOTHING = 0.5

# Chance alone is beyond the noise level once in a thousand features and windows.
_NOISE_QUANTILE = 0.999


def psi(reference: ArrayLike, window: ArrayLike, *, smoothing: float = SMOOTHING) -> float:
    """PSI of two vectors of counts over the same bins; 0 and up, without unit, the same when swapped.

    Bins that are empty on both sides do not count. NaN where either side has no rows. With `smoothing` 0 a
    bin empty on one side makes it infinite. Raises RefusedError on unequal lengths and negative counts.
    """
    p, q = _used_bins(reference, window)
    if p.sum() == 0 or q.sum() == 0:
        return float("nan")
    p = (p + smoothing) / (p + smoothing).sum()
    q = (q + smoothing) / (q + smoothing).sum()
    with np.errstate(divide="ignore"):  # smoothing 0: the infinity is what was asked for
        return float(np.sum((q - p) * (np.log(q) - np.log(p))))


def psi_expected(bins: int, n: int, m: int) -> float:
    """The mean PSI of samples of n and m rows from one source. Infinite where either has none."""
    return (bins - 1) * _inverse_rows(n, m) if bins > 1 else 0.0


def psi_noise(bins: int, n: int, m: int, *, quantile: float = _NOISE_QUANTILE) -> float:
    """What PSI of two such samples stays under with that probability. Infinite where either has no rows."""
    return float(special.chdtri(bins - 1, 1 - quantile)) * _inverse_rows(n, m) if bins > 1 else 0.0


def _inverse_rows(n: int, m: int) -> float:
    return 1 / n + 1 / m if n > 0 and m > 0 else float("inf")


def _used_bins(reference: ArrayLike, window: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p, q = np.asarray(reference, dtype=np.float64), np.asarray(window, dtype=np.float64)
    if p.ndim != 1 or p.shape != q.shape:
        raise RefusedError(f"counts over different bins: {p.shape} and {q.shape}")
    if not ((p >= 0).all() and (q >= 0).all()):
        raise RefusedError("counts are 0 or more")
    used = (p + q) > 0
    return p[used], q[used]


def profile_drift(profile: Profile, counts: Counts, *, threshold: float = ACT) -> list[DriftResult]:
    """Every feature's PSI of the counted rows, in the profile's order; missing rows are a bin too."""
    return [_judge(feature, counts.features[feature.name], threshold) for feature in profile.features]


def score_drift(profile: Profile, counts: Counts, *, threshold: float = ACT) -> DriftResult | None:
    """The same of the model's own score; None where either side has none."""
    if profile.score is None or counts.score is None:
        return None
    return _judge(profile.score, counts.score, threshold)


def _judge(feature: FeatureProfile, window: BinCounts, threshold: float) -> DriftResult:
    reference = feature.reference
    n, m = reference.rows, window.rows
    both: Sequence[tuple[int, int]] = list(zip(reference.with_missing, window.with_missing, strict=False))
    bins = sum(a + b > 0 for a, b in both)
    measured = n > 0 and m > 0
    return decide_drift(
        feature=feature.name,
        method="psi",
        value=psi(reference.with_missing, window.with_missing) if measured else None,
        threshold=threshold,
        noise=psi_noise(bins, n, m) if measured else None,
        n_reference=n,
        n_window=m,
    )
