"""Two sets of counts over the same bins: checked, as shares, and put together where there are too many bins.

Every distance takes one column's counts (bins,) or many columns' (columns, bins): short ones are filled up with bins
that are empty on both sides, which count nowhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarterdeck.core.errors import RefusedError

Floats = NDArray[np.float64]


def checked(reference: ArrayLike, window: ArrayLike) -> tuple[Floats, Floats]:
    """Both as float64 of one shape. Raises RefusedError on unequal shapes and negative counts."""
    p, q = np.asarray(reference, dtype=np.float64), np.asarray(window, dtype=np.float64)
    if p.ndim not in (1, 2) or p.shape != q.shape:
        raise RefusedError(f"counts over different bins: {p.shape} and {q.shape}")
    if p.size and (p.min() < 0 or q.min() < 0):
        raise RefusedError("counts are 0 or more")
    return p, q


def shares(counts: Floats) -> Floats:
    """Each bin's share of its column's rows; NaN in a column without rows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def plain(values: Floats) -> float | Floats:
    """A float for one column, an array for many."""
    return float(values) if values.ndim == 0 else values


def coarse_starts(counts: Floats, bins: int) -> NDArray[np.intp]:
    """Where groups of neighbouring bins begin, such that each holds about 1/bins of the rows.

    A first or last bin without rows, for what was never seen, stays alone. For numpy.add.reduceat.
    """
    total = counts.sum()
    if total == 0:
        return np.arange(len(counts))
    group = np.floor((np.cumsum(counts) - counts / 2) / total * bins)
    group[0] = -1.0 if counts[0] == 0 else group[0]
    group[-1] = bins + 1.0 if counts[-1] == 0 else group[-1]
    return np.flatnonzero(np.diff(group, prepend=-2.0))
