"""The Wasserstein distance of order one, in standard deviations of the reference.

    W = integral of |F(x) - G(x)| dx / sigma

How far a unit of probability has to be carried on average (Vaserstein 1969; scipy.stats.wasserstein_distance), divided
by the reference's standard deviation as Evidently does. From counts the rows of a bin are taken as lying at the mean of
the reference's rows in it. The difference of the means is a lower bound of W that needs no bins (Kantorovich and
Rubinstein): where a window has it and it is greater, it is taken. With 50 bins the value from counts differs from the
rows' by less than 0.02 and a tenth of W on the distributions of the tests, as long as the window lies within what
training saw, or beyond it on one side; rows beyond it on both sides are seen at half their distance at least.

Under one source sqrt(1/n + 1/m) times a functional of a Brownian bridge is left. Its mean and variance over the bins
are known, and a gamma variable of the same two stands in for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from quarterdeck.core.drift.bins import Floats
from quarterdeck.core.drift.psi import inverse_rows
from quarterdeck.core.moments import Moments
from quarterdeck.core.profile_values import BinCounts, FeatureProfile

THRESHOLD = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """A feature's bins on the line of its values, in standard deviations of the reference."""

    cumulative: Floats  # the reference's share up to each bin but the last
    gaps: Floats  # from the centre of each bin to the next one's
    spread: float  # one standard deviation in the values' unit
    noise_mean: float  # of sqrt(nm / (n + m)) W under one source
    noise_variance: float


def wasserstein(feature: FeatureProfile, window: BinCounts) -> float:
    """Of a number's counts in its profile's bins; 0 and up, missing rows left out.

    NaN where either side has no value.
    """
    line = _line(feature)
    if line is None or window.present == 0:
        return math.nan
    found = np.cumsum(np.asarray(window.counts, dtype=np.float64))[:-1] / window.present
    return max(float(np.abs(line.cumulative - found) @ line.gaps), _between_means(feature, window, line))


def wasserstein_noise(feature: FeatureProfile, window: BinCounts, *, quantile: float) -> float:
    """What W of two such samples stays under with that probability. Infinite where either has no value."""
    line = _line(feature)
    if line is None or window.present == 0:
        return math.inf
    rows = inverse_rows(feature.reference.present, window.present)
    if line.noise_variance == 0:
        return 0.0
    mean, variance = line.noise_mean, line.noise_variance
    total = float(special.gammaincinv(mean**2 / variance, quantile)) * variance / mean
    return max(total * math.sqrt(rows), _means_noise(feature, window, line, quantile))


def _between_means(feature: FeatureProfile, window: BinCounts, line: _Line) -> float:
    if feature.mean is None or window.moments is None:
        return 0.0
    return abs(window.moments.mean - feature.mean) / line.spread


def _means_noise(feature: FeatureProfile, window: BinCounts, line: _Line, quantile: float) -> float:
    """Of the difference of the means, with the window's own spread: one value far out must not be a drift."""
    moments: Moments | None = window.moments
    if moments is None:
        return 0.0
    own = moments.deviation / line.spread
    z = float(special.ndtri((1 + quantile) / 2))
    return z * math.sqrt(1 / feature.reference.present + max(own, 1.0) ** 2 / window.present)


@lru_cache(maxsize=4096)
def _line(feature: FeatureProfile) -> _Line | None:
    """None without a value, or where a profile has lost its range."""
    if feature.minimum is None or feature.maximum is None or feature.reference.present == 0:
        return None
    gaps = np.diff(_centres(feature))
    spread = feature.deviation if feature.deviation else float(gaps.min())  # a constant: in widths of its bin
    cumulative = np.cumsum(np.asarray(feature.reference.counts, dtype=np.float64))[:-1] / feature.reference.present
    mean, variance = _bridge(cumulative, gaps / spread)
    return _Line(cumulative=cumulative, gaps=gaps / spread, spread=spread, noise_mean=mean, noise_variance=variance)


def _centres(feature: FeatureProfile) -> Floats:
    """The middle of each bin, where an earlier release has not kept the means."""
    if feature.centres:
        return np.asarray(feature.centres, dtype=np.float64)
    edges = np.array([feature.minimum, *feature.edges, feature.maximum], dtype=np.float64)
    return np.maximum.accumulate((edges[:-1] + edges[1:]) / 2)


def _bridge(cumulative: Floats, weights: Floats) -> tuple[float, float]:
    """Mean and variance of sum w |B(F)|, B a Brownian bridge: of |Z| and |Z'| with correlation r,

    E|Z| = sqrt(2/pi), cov(|Z|, |Z'|) = (2/pi) (sqrt(1 - r^2) + r arcsin r - 1).
    """
    size = np.sqrt(np.maximum(cumulative * (1 - cumulative), 0.0)) * weights
    lower, upper = np.minimum.outer(cumulative, cumulative), np.maximum.outer(cumulative, cumulative)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.sqrt(np.nan_to_num(lower * (1 - upper) / (upper * (1 - lower))))
    r = np.clip(r, 0.0, 1.0)
    covariance = 2 / np.pi * (np.sqrt(1 - r**2) + r * np.arcsin(r) - 1)
    return float(np.sqrt(2 / np.pi) * size.sum()), float(size @ covariance @ size)
