"""The paired comparison of two ROC AUCs on the same rows: DeLong's variance from placement values.

DeLong, DeLong and Clarke-Pearson 1988, "Comparing the areas under two or more correlated receiver operating
characteristic curves"; by midranks, in n log n, after Sun and Xu 2014, "Fast implementation of DeLong's
algorithm".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from quarterdeck.core.errors import RefusedError


@dataclass(frozen=True, kw_only=True, slots=True)
class AucDifference:
    """Two AUCs in [0, 1], first - second, its standard error, Z and the two-sided p-value."""

    first: float
    second: float
    difference: float
    standard_error: float
    z: float
    p: float
    positives: int
    negatives: int

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """The two-sided interval of the difference; a point where the standard error is 0."""
        if not 0 < confidence < 1:
            raise RefusedError(f"confidence lies between 0 and 1, found {confidence}", hint="0.95 is usual")
        width = float(special.ndtri(0.5 + confidence / 2)) * self.standard_error
        return self.difference - width, self.difference + width


def paired_auc_difference(y_true: ArrayLike, first: ArrayLike, second: ArrayLike) -> AucDifference:
    """Compare two scores, each (n,), on the same n rows; y_true (n,) holds 0 and 1.

    Curves that do not differ in any row's placement have Z 0 and p 1. Where the variance is 0 and the AUCs
    differ (both classes parted perfectly by one score and not at all by the other), Z is infinite and p 0.
    Raises RefusedError on fewer than two rows of a class, NaN, and other labels.
    """
    y = np.asarray(y_true)
    scores = np.vstack([np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)])
    if y.shape != scores.shape[1:] or not np.isfinite(scores).all() or not np.isin(y, (0, 1)).all():
        raise RefusedError("two finite scores and a label of 0 or 1 are needed for each row")
    positive = y == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        raise RefusedError(f"two rows of each class are needed, found {m} and {n}")
    of_positives, of_negatives = _placements(scores, positive)
    areas = of_positives.mean(axis=1)
    contrast_p = of_positives[0] - of_positives[1]
    contrast_n = of_negatives[0] - of_negatives[1]
    variance = contrast_p.var(ddof=1) / m + contrast_n.var(ddof=1) / n
    difference, error = float(areas[0] - areas[1]), math.sqrt(variance)
    z = _z(difference, error)
    return AucDifference(
        first=float(areas[0]),
        second=float(areas[1]),
        difference=difference,
        standard_error=error,
        z=z,
        p=float(2 * special.ndtr(-abs(z))),
        positives=m,
        negatives=n,
    )


def _z(difference: float, error: float) -> float:
    if error > 0:
        return difference / error
    return 0.0 if difference == 0 else math.copysign(math.inf, difference)


def _placements(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[NDArray[np.float64], ...]:
    """(2, m) the share of negatives each positive outranks, (2, n) the reverse; a tie counts half."""
    m, n = int(positive.sum()), int((~positive).sum())
    all_ranks = stats.rankdata(scores, axis=1)
    own_p = stats.rankdata(scores[:, positive], axis=1)
    own_n = stats.rankdata(scores[:, ~positive], axis=1)
    of_positives = (all_ranks[:, positive] - own_p) / n
    of_negatives = 1 - (all_ranks[:, ~positive] - own_n) / m
    return of_positives, of_negatives
