"""The bootstrap's bounds: against the known error of a mean, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.paired_bootstrap import bootstrap_bound
from quarterdeck.core.statistics.paired_bound import paired_bound

X = np.random.default_rng(1).normal(0.2, 1.0, 400)


def mean(rows: NDArray[np.intp]) -> float:
    return float(X[rows].mean())


def test_the_bounds_of_a_mean_are_students() -> None:
    found, exact = bootstrap_bound(mean, 400, confidence=0.95), paired_bound(X, confidence=0.95)
    assert found.estimate == exact.estimate
    assert found.standard_error == pytest.approx(exact.standard_error, rel=0.15)
    assert found.high == pytest.approx(exact.high, abs=0.02)


def test_the_same_seed_gives_the_same_bounds() -> None:
    assert bootstrap_bound(mean, 400, confidence=0.9) == bootstrap_bound(mean, 400, confidence=0.9)
    other = bootstrap_bound(mean, 400, confidence=0.9, seed=1)
    assert other.standard_error != bootstrap_bound(mean, 400, confidence=0.9).standard_error


def test_resamples_without_a_value_are_left_out_until_they_are_half() -> None:
    def only_with_the_first(rows: NDArray[np.intp]) -> float:
        if 0 not in rows:
            raise RefusedError("the first row is needed")
        return mean(rows)

    def only_with_all_of_three(rows: NDArray[np.intp]) -> float:
        if len(np.unique(rows)) < 3:
            raise RefusedError("all are needed")
        return mean(rows)

    assert bootstrap_bound(only_with_the_first, 400, confidence=0.95).n == 400
    with pytest.raises(RefusedError, match="of 200 resamples had a value"):
        bootstrap_bound(only_with_all_of_three, 3, confidence=0.95)


def test_one_row_has_no_bound() -> None:
    with pytest.raises(RefusedError):
        bootstrap_bound(mean, 1, confidence=0.95)
