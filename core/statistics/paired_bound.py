"""One-sided bounds of a paired mean difference by Student's t, and the rows a clear answer would take."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from quarterdeck.core.errors import RefusedError

_MOST_ROWS = 10_000_000  # an answer that far away is none


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """An estimate with its lower and upper one-sided bound, each at the asked confidence.

    Both together are a two-sided interval at 1 - 2 (1 - confidence).
    """

    estimate: float
    standard_error: float
    low: float
    high: float
    n: int
    confidence: float


def paired_bound(differences: ArrayLike, *, confidence: float) -> Bound:
    """Bounds of the mean of n differences, shape (n,), n >= 2, in their unit.

    Exact for normal differences, by the central limit theorem near enough for others from some 30 rows on.
    Where all are equal, low = high = estimate. Raises RefusedError on fewer than two rows and on NaN.
    """
    x = np.asarray(differences, dtype=np.float64)
    if x.ndim != 1 or len(x) < 2:
        raise RefusedError(f"a bound needs two differences or more, found shape {x.shape}")
    if not np.isfinite(x).all():
        raise RefusedError("a difference is NaN or infinite")
    error = float(x.std(ddof=1)) / math.sqrt(len(x))
    _check_confidence(confidence)
    width = float(special.stdtrit(len(x) - 1, confidence)) * error
    return _bound(float(x.mean()), error, width, len(x), confidence)


def normal_bound(estimate: float, standard_error: float, *, n: int, confidence: float) -> Bound:
    """Bounds of an estimate that is normal with a known standard error, on n rows."""
    _check_confidence(confidence)
    return _bound(estimate, standard_error, normal_quantile(confidence) * standard_error, n, confidence)


def _bound(estimate: float, error: float, width: float, n: int, confidence: float) -> Bound:
    return Bound(
        estimate=estimate,
        standard_error=error,
        low=estimate - width,
        high=estimate + width,
        n=n,
        confidence=confidence,
    )


def normal_quantile(probability: float) -> float:
    return float(special.ndtri(probability))


def rows_needed(bound: Bound, margin: float, *, power: float = 0.8) -> int | None:
    """How many rows beyond bound.n until the bound clears `margin` with probability `power`.

    n (z_confidence + z_power)^2 SE^2 / (margin - estimate)^2, less n (the sample size of a one-sided test;
    Chow, Shao and Wang 2008, chapter 3). At least 1: it is asked only where the rows were not enough. None
    where the estimate lies on the margin or the rows do not vary, so that no number can be told, and where it
    is beyond ten million.
    """
    if not 0 < power < 1:
        raise RefusedError(f"power lies between 0 and 1, found {power}")
    distance = abs(margin - bound.estimate)
    if distance == 0 or bound.standard_error == 0:
        return None
    quantiles = normal_quantile(bound.confidence) + normal_quantile(power)
    ratio = quantiles * bound.standard_error / distance
    if ratio > math.sqrt(_MOST_ROWS / bound.n):
        return None
    return max(1, math.ceil(bound.n * ratio**2) - bound.n)


def _check_confidence(confidence: float) -> None:
    if not 0.5 <= confidence < 1:
        raise RefusedError(f"confidence lies between 0.5 and 1, found {confidence}", hint="0.95 is usual")
