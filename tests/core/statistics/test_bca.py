"""Bootstrap intervals: R's values, SciPy's own call, and rows of which none can be told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.bca import BootstrapMethod, mean_interval, paired_interval
from quarterdeck.core.statistics.delong import paired_auc_difference

X = [10, 12, 12.5, 12.5, 13.9, 15, 21, 22, 23, 34, 50, 81, 89, 121, 134, 213]
METHODS = st.sampled_from(BootstrapMethod)


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [
        (BootstrapMethod.BASIC, 23.77, 79.12),
        (BootstrapMethod.PERCENTILE, 28.86, 84.21),
        (BootstrapMethod.BCA, 32.31, 91.43),
    ],
)
def test_known_intervals_of_a_mean(method: BootstrapMethod, low: float, high: float) -> None:
    found = mean_interval(X, method=method, resamples=1_000_000)
    assert [found.low, found.high] == pytest.approx([low, high], rel=0.005)
    assert (found.estimate, found.n, found.resamples) == (pytest.approx(np.mean(X)), 16, 1_000_000)


@pytest.mark.parametrize("method", BootstrapMethod)
def test_a_statistic_of_rows_is_scipys_paired_bootstrap(method: BootstrapMethod) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=60)
    y = x + rng.normal(size=60)

    def correlation(rows: NDArray[np.intp]) -> float:
        return float(np.corrcoef(x[rows], y[rows])[0, 1])

    found = paired_interval(correlation, 60, confidence=0.9, method=method, resamples=2_000, seed=5)
    theirs = stats.bootstrap(
        (x, y),
        lambda a, b: np.corrcoef(a, b)[0, 1],
        paired=True,
        vectorized=False,
        n_resamples=2_000,
        method=method.value,
        confidence_level=0.9,
        rng=np.random.default_rng(5),
    )
    assert [found.low, found.high] == pytest.approx(list(theirs.confidence_interval))
    assert found.standard_error == pytest.approx(theirs.standard_error)


def test_a_mean_is_the_same_by_both_ways_and_by_seed() -> None:
    x = np.array(X)
    one = mean_interval(x, resamples=999, seed=2)
    assert one == mean_interval(x, resamples=999, seed=2)
    assert one != mean_interval(x, resamples=999, seed=3)
    other = paired_interval(lambda rows: float(x[rows].mean()), 16, resamples=999, seed=2)
    assert [other.low, other.high] == pytest.approx([one.low, one.high])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=3, max_size=20), METHODS)
def test_swapping_the_models_mirrors_the_interval(x: list[float], method: BootstrapMethod) -> None:
    def interval(values: Any) -> tuple[float, float] | str:
        try:
            found = mean_interval(values, method=method, resamples=499)
        except RefusedError as error:
            return error.message
        return found.low, found.high

    one, other = interval(x), interval(np.negative(x))
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    assert one == pytest.approx((-other[1], -other[0]), rel=1e-6, abs=1e-6)
    assert one[0] <= one[1]


def test_the_interval_of_an_auc_difference_is_delongs() -> None:
    rng = np.random.default_rng(8)
    y = (rng.random(400) < 0.4).astype(int)
    first, second = y + rng.normal(size=400), 0.4 * y + rng.normal(size=400)

    def difference(rows: NDArray[np.intp]) -> float:
        return float(roc_auc_score(y[rows], first[rows]) - roc_auc_score(y[rows], second[rows]))

    found = paired_interval(difference, 400, resamples=400)
    assert (found.low, found.high) == pytest.approx(paired_auc_difference(y, first, second).interval(), abs=0.02)


@pytest.mark.parametrize("method", BootstrapMethod)
def test_constant_data_give_a_point(method: BootstrapMethod) -> None:
    found = mean_interval([0.1] * 7, method=method)
    assert (found.low, found.estimate, found.high, found.standard_error) == (0.1, 0.1, 0.1, 0.0)
    same = paired_interval(lambda rows: 2.5, 9, method=method, resamples=50)
    assert (same.low, same.estimate, same.high, same.standard_error) == (2.5, 2.5, 2.5, 0.0)


def test_resamples_without_a_value_are_left_out() -> None:
    x = np.array(X)

    def mean_with_the_first(rows: NDArray[np.intp]) -> float:
        if 0 not in rows:
            raise RefusedError("the first row is needed")
        return float(x[rows].mean())

    found = paired_interval(mean_with_the_first, 16, method=BootstrapMethod.PERCENTILE, resamples=500)
    assert 250 < found.resamples < 400
    assert math.isfinite(found.low)
    # Without the first row there is no value, so BCa's leaving out of each row has none either.
    with pytest.raises(RefusedError, match="cannot be told"):
        paired_interval(mean_with_the_first, 16, resamples=500)


def test_too_few_values_are_refused() -> None:
    def needs_all(rows: NDArray[np.intp]) -> float:
        return math.nan if len(np.unique(rows)) < 4 else 1.0

    with pytest.raises(RefusedError, match="of 100 resamples had a value"):
        paired_interval(needs_all, 4, resamples=100)


def test_a_statistic_beyond_all_its_resamples_has_no_bca() -> None:
    def distinct(rows: NDArray[np.intp]) -> float:
        return float(len(np.unique(rows)))

    with pytest.raises(RefusedError, match="BCa interval of 30 rows cannot be told"):
        paired_interval(distinct, 30, resamples=200)


def test_what_has_no_meaning_is_refused() -> None:
    for wrong in ([], [1.0], [1.0, math.nan], [1.0, math.inf], [[1.0, 2.0]]):
        with pytest.raises(RefusedError):
            mean_interval(wrong)
    for confidence in (0, 1, math.nan):
        with pytest.raises(RefusedError, match="confidence"):
            mean_interval(X, confidence=confidence)
    with pytest.raises(RefusedError, match="resamples"):
        mean_interval(X, resamples=1)
    with pytest.raises(RefusedError, match="percentile"):
        mean_interval(np.arange(20_001.0))
    with pytest.raises(RefusedError, match="nan"):
        paired_interval(lambda rows: math.nan, 5)
