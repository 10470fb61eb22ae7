"""One-sided bounds of a mean difference, and the rows still needed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.paired_bound import Bound, normal_bound, paired_bound, rows_needed

differences = st.lists(st.floats(-100, 100), min_size=2, max_size=50)


@given(differences, st.floats(0.5, 0.999))
def test_the_bounds_are_scipys_two_sided_interval_at_the_doubled_tail(x: list[float], confidence: float) -> None:
    bound = paired_bound(x, confidence=confidence)
    error = np.std(x, ddof=1) / math.sqrt(len(x))
    low, high = stats.t.interval(2 * confidence - 1, len(x) - 1, loc=np.mean(x), scale=max(error, 1e-300))
    assert [bound.low, bound.high] == pytest.approx([low, high], abs=1e-6)
    assert bound.low <= bound.estimate <= bound.high


def test_bounds_by_hand() -> None:
    bound = paired_bound([1.0, 2.0, 3.0, 4.0, 5.0], confidence=0.95)
    assert (bound.estimate, bound.n) == (3.0, 5)
    assert bound.standard_error == pytest.approx(math.sqrt(0.5))
    assert bound.high == pytest.approx(3 + 2.131847 * math.sqrt(0.5))  # t(4) at 0.95


@given(differences)
def test_swapping_the_models_mirrors_the_bounds(x: list[float]) -> None:
    one, other = paired_bound(x, confidence=0.9), paired_bound([-value for value in x], confidence=0.9)
    assert (one.low, one.high) == (-other.high, -other.low)


def test_equal_differences_leave_no_doubt() -> None:
    bound = paired_bound([0.25] * 10, confidence=0.99)
    assert bound.low == bound.estimate == bound.high == 0.25


def test_the_bound_is_wrong_as_often_as_it_says() -> None:
    rng = np.random.default_rng(9)
    missed = sum(paired_bound(rng.exponential(1, 200) - 1, confidence=0.95).high < 0 for _ in range(2_000))
    assert 0.03 < missed / 2_000 < 0.08


@given(st.floats(-1, 1), st.floats(0.001, 1), st.floats(-1, 1), st.integers(10, 1_000))
def test_the_rows_needed_are_enough_for_the_bound_to_clear_the_margin(
    estimate: float, error: float, margin: float, n: int
) -> None:
    bound = normal_bound(estimate, error, n=n, confidence=0.95)
    more = rows_needed(bound, margin)
    if more is None:
        assert n * (2.486475 * error / max(abs(estimate - margin), 1e-99)) ** 2 > 9_999_000
        return
    assert more >= 1
    later = normal_bound(estimate, error * math.sqrt(n / (n + more)), n=n + more, confidence=0.95)
    assert later.high <= margin + 1e-9 if estimate < margin else later.low >= margin - 1e-9


def test_the_rows_needed_by_hand() -> None:
    bound = Bound(estimate=0.0, standard_error=0.1, low=-0.16, high=0.16, n=100, confidence=0.95)
    assert rows_needed(bound, 0.1) == math.ceil(100 * (1.644854 + 0.841621) ** 2) - 100
    assert rows_needed(bound, 0.0) is None
    assert rows_needed(Bound(estimate=0, standard_error=0, low=0, high=0, n=9, confidence=0.9), 1.0) is None


def test_what_has_no_bound_is_refused() -> None:
    for wrong in ([], [1.0], [1.0, math.nan], [[1.0, 2.0]]):
        with pytest.raises(RefusedError):
            paired_bound(wrong, confidence=0.95)
    for confidence in (0.3, 1.0, math.nan):
        with pytest.raises(RefusedError, match="confidence"):
            paired_bound([1.0, 2.0], confidence=confidence)
    with pytest.raises(RefusedError, match="power"):
        rows_needed(normal_bound(0, 1, n=5, confidence=0.9), 1.0, power=1.0)
