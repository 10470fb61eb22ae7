"""The standard error of a difference of any two numbers on the same rows, by resampling rows in pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.paired_bound import Bound, normal_bound

# Of a standard error 200 resamples give about 5 % precision (Efron and Tibshirani 1993, section 6.4);
# percentiles would need five times as many, each a pass over all rows.
RESAMPLES = 200


def bootstrap_bound(
    difference: Callable[[NDArray[np.intp]], float],
    n: int,
    *,
    confidence: float,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Bound:
    """Normal bounds of difference(all rows) with the bootstrap's standard error.

    `difference` takes row numbers, (n,) with repeats, and returns one number; a resample on which it raises
    RefusedError (one class only) is left out. The same seed gives the same bounds. Raises RefusedError where
    n < 2 or fewer than half of the resamples had a value.
    """
    if n < 2:
        raise RefusedError(f"a bound needs two rows or more, found {n}")
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        value = _value(difference, rng.integers(0, n, n))
        if value is not None and np.isfinite(value):
            values.append(value)
    if len(values) < max(2, resamples / 2):
        raise RefusedError(f"only {len(values)} of {resamples} resamples had a value", hint="more rows are needed")
    estimate = float(difference(np.arange(n)))
    return normal_bound(estimate, float(np.std(values, ddof=1)), n=n, confidence=confidence)


def _value(difference: Callable[[NDArray[np.intp]], float], rows: NDArray[np.intp]) -> float | None:
    try:
        return float(difference(rows))
    except RefusedError:
        return None
