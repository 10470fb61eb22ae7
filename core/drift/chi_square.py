"""Pearson's chi-square test: whether two sets of rows have the same shares of categories.

    X^2 = sum over both sets and all categories of (found - expected)^2 / expected

Pearson 1900; p from a chi-square of categories - 1 degrees, as scipy.stats.chi2_contingency without Yates' correction.
That law wants five expected rows in a cell (Cochran 1954): categories that expect fewer are counted together, and
where nothing is put together the value from counts is the rows' own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from quarterdeck.core.drift.bins import Floats, checked
from quarterdeck.core.drift.verdict import PValue

LEAST_EXPECTED = 5.0


def chi_square(reference: ArrayLike, window: ArrayLike) -> PValue:
    """Of two vectors of counts over the same categories; the statistic is 0 and up, the same when swapped.

    One category alone gives 0 and p 1. NaN where either side has no rows. Raises RefusedError on unequal lengths and
    negative counts.
    """
    p, q = checked(reference, window)
    if p.sum() == 0 or q.sum() == 0:
        return PValue(statistic=float("nan"), p_value=float("nan"))
    table = _together(np.stack([p, q])[:, (p + q) > 0])
    if table.shape[1] < 2:
        return PValue(statistic=0.0, p_value=1.0)
    expected = _expected(table)
    statistic = float((np.square(table - expected) / expected).sum())
    return PValue(statistic=statistic, p_value=float(special.chdtrc(table.shape[1] - 1, statistic)))


def _together(table: Floats) -> Floats:
    """Rare categories as one column, the last; and where that is still too rare, with the rarest other one."""
    rare = _expected(table).min(axis=0) < LEAST_EXPECTED
    if rare.sum() == 0:
        return table
    kept, rest = table[:, ~rare], table[:, rare].sum(axis=1, keepdims=True)
    both = np.hstack([kept, rest])
    if kept.shape[1] > 1 and _expected(both)[:, -1].min() < LEAST_EXPECTED:
        rarest = int(kept.sum(axis=0).argmin())
        both = np.hstack([np.delete(kept, rarest, axis=1), rest + kept[:, [rarest]]])
    return both


def _expected(table: Floats) -> Floats:
    return np.asarray(np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum())
