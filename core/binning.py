"""One column into bins: where the edges lie, and how many values fall into each.

A number's bins are cut at the training rows' quantiles, so that each holds about as many; the first and the
last are open. Few distinct values get a bin each, and then an empty one on either side for what was never
seen.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.moments import Moments

Floats = NDArray[np.float64]

BINS = 50  # move the Kolmogorov-Smirnov distance of 100,000 rows by at most 0.0007
MOST_CATEGORIES = 50  # the rest is counted together


def as_numbers(values: ArrayLike | Sequence[Any], name: str) -> Floats:
    """(n,) float64 with NaN for None. Raises RefusedError on what is no number."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise RefusedError(f"the column holds what is no number: {error}", where=name) from error
    if numbers.ndim != 1:
        raise RefusedError(f"a column is flat, found shape {numbers.shape}", where=name)
    return numbers


def take_moments(values: Floats) -> Moments | None:
    """Of the finite ones among (n,) values; None where there are none."""
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # sums and squares beyond the greatest float
        mean = float(finite.mean())
        if not math.isfinite(mean):
            mean = float((finite / len(finite)).sum())
        m2 = min(float(np.square(finite - mean).sum()), sys.float_info.max)
    return Moments(count=len(finite), mean=mean, m2=m2, minimum=float(finite.min()), maximum=float(finite.max()))


def choose_edges(values: Floats, *, bins: int = BINS) -> tuple[float, ...]:
    """The rising inner edges for values without NaN and infinity; none where there are no values.

    k edges make k + 1 bins: below the first, [edge, next edge) ..., from the last on.
    """
    if len(values) == 0:
        return ()
    distinct = np.unique(values)
    if len(distinct) <= bins:
        return tuple(_around(distinct).tolist())
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    return tuple(edges[edges > distinct[0]].tolist())  # an edge at the least value would leave the first bin empty


def _around(distinct: Floats) -> Floats:
    """Edges between the values, and one on either side at half the smallest gap.

    A constant's edges lie a millionth of its size away: the same number from float32 is still the same.
    """
    gap = np.diff(distinct).min() / 2 if len(distinct) > 1 else max(abs(distinct[0]) * 1e-6, 1e-9)
    middles = distinct[:-1] + np.diff(distinct) / 2
    return np.unique(np.concatenate([[distinct[0] - gap], middles, [distinct[-1] + gap]]))


def count_numbers(values: Floats, edges: Sequence[float]) -> tuple[list[int], int]:
    """How many values lie in each of len(edges) + 1 bins, and how many are NaN. Infinity has a bin."""
    present = values[~np.isnan(values)]
    places = np.searchsorted(np.asarray(edges, dtype=np.float64), present, side="right")
    return np.bincount(places, minlength=len(edges) + 1).tolist(), len(values) - len(present)


def bin_centres(values: Floats, edges: Sequence[float]) -> tuple[float, ...]:
    """The mean of the finite values in each of len(edges) + 1 bins, the nearest edge where there are none."""
    if not edges:
        return ()
    finite = values[np.isfinite(values)]
    limits = np.asarray(edges, dtype=np.float64)
    places = np.searchsorted(limits, finite, side="right")
    found = np.bincount(places, minlength=len(limits) + 1)
    nearest = np.append(limits, limits[-1])
    # about the nearest edge: a sum of great numbers would lose what is small, or pass the greatest float
    offsets = np.bincount(places, weights=(finite - nearest[places]), minlength=len(limits) + 1)
    return tuple((nearest + offsets / np.maximum(found, 1)).tolist())


def count_outside(values: Floats, minimum: float | None, maximum: float | None) -> int:
    """How many values, NaN apart, lie outside what training saw."""
    if minimum is None or maximum is None:
        return int((~np.isnan(values)).sum())
    return int(((values < minimum) | (values > maximum)).sum())


def choose_categories(values: Sequence[Any], *, most: int = MOST_CATEGORIES) -> tuple[Hashable, ...]:
    """The most frequent values, missing ones apart; ties in order of their text."""
    found = Counter(value for value in values if not is_missing(value))
    ranked = sorted(found.items(), key=lambda item: (-item[1], str(item[0])))
    return tuple(value for value, _ in ranked[:most])


def count_categories(values: Sequence[Any], categories: Sequence[Hashable]) -> tuple[list[int], int]:
    """How many of each category, the rest last; and how many are missing (None, NaN)."""
    found = Counter(values)
    missing = sum(number for value, number in found.items() if is_missing(value))
    counts = [found.get(category, 0) for category in categories]
    return [*counts, len(values) - missing - sum(counts)], missing


def is_missing(value: Any) -> bool:
    return value is None or value != value
