"""McNemar's test: do two models get different shares of the same rows right?

Only rows that exactly one of the two got right say anything: b of them went to the first model, c to the
second. If both are equally good, b of the n = b + c discordant rows is binomial with probability 1/2.

McNemar 1947, "Note on the sampling error of the difference between correlated proportions"; the correction
for continuity after Edwards 1948. For one look at rows that are all there; for looks while rows arrive:
sequential_mcnemar.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.msprt import check_alpha


class McNemarMethod(StrEnum):
    EXACT = "exact"  # binomial: holds its level at any n
    CORRECTED = "corrected"  # chi-square with the correction for continuity
    UNCORRECTED = "uncorrected"  # chi-square; from some 25 discordant rows on


@dataclass(frozen=True, kw_only=True, slots=True)
class McNemarTest:
    """b, c >= 0; the statistic (EXACT: the lesser of b and c; else chi-square, 1 degree of freedom); p in [0, 1].

    `can_reject` says whether any split of so many discordant rows gives p <= alpha in the exact test. Where it
    is False nothing was tested, and the verdict is HOLD: with alpha 0.05, for n <= 5. `discordant_needed` is how
    many more would make it True. Both are the exact test's in every method: a chi-square of so few rows is an
    approximation of it and no evidence beyond it.
    """

    method: McNemarMethod
    b: int
    c: int
    n: int
    statistic: float
    p: float
    alpha: float
    can_reject: bool
    discordant_needed: int

    @property
    def sign(self) -> int:
        """1 where the first model is right more often, -1 where the second is, 0 where neither."""
        return (self.b > self.c) - (self.b < self.c)

    @property
    def rejects(self) -> bool:
        return self.can_reject and self.p <= self.alpha


def mcnemar(b: int, c: int, *, method: McNemarMethod = McNemarMethod.EXACT, alpha: float = 0.05) -> McNemarTest:
    """Test b rows that only the first model got right against c that only the second did; two-sided.

    Swapping the models swaps b and c and flips the sign; statistic and p stay. With no discordant row the
    exact p is 1; chi-square, which is 0/0 then, is refused. Corrected chi-square is 0 where |b - c| <= 1.
    Raises RefusedError on negative counts and on alpha outside (0, 1).
    """
    check_alpha(alpha)
    if b < 0 or c < 0 or b != int(b) or c != int(c):
        raise RefusedError(f"b and c count rows, found {b} and {c}")
    statistic, p = _exact(b, c) if method is McNemarMethod.EXACT else _chi_square(b, c, method)
    missing = discordant_needed(b + c, alpha=alpha)
    return McNemarTest(
        method=method,
        b=int(b),
        c=int(c),
        n=int(b + c),
        statistic=statistic,
        p=p,
        alpha=alpha,
        can_reject=missing == 0,
        discordant_needed=missing,
    )


def discordant_needed(n: int, *, alpha: float) -> int:
    """How many discordant rows beyond n until the exact test can reject: until 2^(1 - n) <= alpha."""
    check_alpha(alpha)
    least = max(1, math.ceil(1 - math.log2(alpha)))
    while least > 1 and 2.0 ** (2 - least) <= alpha:  # the logarithm of 0.125 may have come out a hair too large
        least -= 1
    return max(0, least - n)


def discordant_counts(first_right: ArrayLike, second_right: ArrayLike) -> tuple[int, int]:
    """(b, c) of two (n,) arrays of True and False (or 1 and 0), one entry a row; (0, 0) of no rows.

    Raises RefusedError on other values, NaN among them, and on shapes that differ.
    """
    first, second = checked_pair(first_right, second_right)
    return int((first & ~second).sum()), int((~first & second).sum())


def checked_pair(first_right: ArrayLike, second_right: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Both as (n,) booleans, or RefusedError."""
    first, second = np.asarray(first_right), np.asarray(second_right)
    if first.ndim != 1 or first.shape != second.shape:
        raise RefusedError(f"two flat lists of the same rows are needed, found {first.shape} and {second.shape}")
    if not (np.isin(first, (0, 1)).all() and np.isin(second, (0, 1)).all()):
        raise RefusedError("an answer is right (1) or wrong (0)", hint="compare predictions with labels first")
    return first.astype(np.bool_), second.astype(np.bool_)


def _exact(b: int, c: int) -> tuple[float, float]:
    if b + c == 0:
        return 0.0, 1.0
    return float(min(b, c)), float(stats.binomtest(min(b, c), b + c, 0.5).pvalue)


def _chi_square(b: int, c: int, method: McNemarMethod) -> tuple[float, float]:
    if b + c == 0:
        raise RefusedError("no row was answered differently, so chi-square is 0/0", hint="the exact test has p = 1")
    correction = 1 if method is McNemarMethod.CORRECTED else 0
    statistic = max(abs(b - c) - correction, 0) ** 2 / (b + c)
    return float(statistic), float(stats.chi2.sf(statistic, 1))
