"""Betting on a bounded mean: its capital by definition, its interval, and rare failures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics import t_mixture
from quarterdeck.core.statistics.betting import confidence_interval, log_evidence, rows_to_decide

values = st.lists(st.floats(-1, 1, allow_subnormal=False), max_size=40)
means = st.floats(-0.9, 0.9)


@given(values, means)
def test_the_evidence_is_the_capital_of_ten_bettors_on_either_side(x: list[float], mean: float) -> None:
    path = log_evidence(x, low=-1, high=1, mean=mean)
    above, below = np.ones(10), np.ones(10)
    shares = np.array([0.9 / 2**k for k in range(10)])
    for k, value in enumerate(x):
        above *= 1 + shares * (value - mean) / (mean + 1)
        below *= 1 - shares * (value - mean) / (1 - mean)
        assert path[k] == pytest.approx(math.log(max(above.mean(), below.mean()) / 2), abs=1e-9)
    assert path.shape == (len(x),)


@given(means)
def test_a_bet_at_the_mean_is_fair(mean: float) -> None:
    """The average over values -1 and 1 in the proportion that has this mean: capital stays as it is."""
    up, down = (log_evidence([value], low=-1, high=1, mean=mean)[0] for value in (1.0, -1.0))
    share = (1 + mean) / 2
    f = np.array([0.9 / 2**k for k in range(10)]).mean()
    above = share * (1 + f * (1 - mean) / (mean + 1)) + (1 - share) * (1 - f)
    assert above == pytest.approx(1)
    assert math.exp(up) == pytest.approx((1 + f * (1 - mean) / (mean + 1)) / 2)
    assert math.exp(down) == pytest.approx((1 + f * (1 + mean) / (1 - mean)) / 2)


@settings(deadline=None)
@given(values, st.floats(0.01, 0.5))
def test_a_mean_leaves_the_interval_where_the_evidence_decides(x: list[float], alpha: float) -> None:
    low, high = confidence_interval(x, low=-1, high=1, alpha=alpha)
    assert -1 <= low <= high <= 1
    for bound, outside in ((low, -1), (high, 1)):
        if not x or abs(bound) > 1 - 1e-6:
            continue
        for step, rejected in ((1e-7, True), (-1e-7, False)):
            e = log_evidence(x, low=-1, high=1, mean=bound + outside * step)[-1]
            assert bool(e >= math.log(1 / alpha)) is rejected


@settings(deadline=None)
@given(values, means)
def test_swapping_the_arms_mirrors_everything(x: list[float], mean: float) -> None:
    one, other = (
        confidence_interval(x, low=-1, high=1, alpha=0.1),
        confidence_interval(np.negative(x), low=-1, high=1, alpha=0.1),
    )
    assert one == (-other[1], -other[0])
    np.testing.assert_allclose(
        log_evidence(x, low=-1, high=1, mean=mean), log_evidence(np.negative(x), low=-1, high=1, mean=-mean), atol=1e-12
    )


def test_fifty_rows_without_a_failure_do_not_show_that_there_are_none() -> None:
    assert t_mixture.confidence_radius(n=50, variance=0.0, g=0.1, alpha=0.05) == 0
    low, high = confidence_interval([0.0] * 50, low=0, high=1, alpha=0.05)
    assert low == 0
    assert 0.06 < high < 0.2
    assert confidence_interval([0.0] * 5_000, low=0, high=1, alpha=0.05)[1] < 0.002


@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_the_intervals_hold_the_mean_at_every_look(rate: float) -> None:
    rng, alpha, streams = np.random.default_rng(3), 0.05, 2_000
    x = (rng.random((streams, 400)) < rate).astype(np.float64)
    missed = np.mean([log_evidence(row, low=0, high=1, mean=rate).max() >= math.log(1 / alpha) for row in x])
    ends = [t_mixture.confidence_sequence(row, g=0.01, alpha=alpha) for row in x]
    by_t = np.mean([bool(((low > rate) | (high < rate))[49:].any()) for low, high in ends])
    print(f"rate {rate}: missed by betting in {missed:.4f} of streams, by Student's from 50 rows on in {by_t:.4f}")
    assert missed <= alpha
    if rate == 0.01:
        assert by_t > 5 * alpha


def test_the_rows_to_decide_are_where_the_evidence_decides() -> None:
    x = np.resize([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 80)
    total = rows_to_decide(x, low=0, high=1, mean=0.2, alpha=0.05)
    assert total is not None and total > 80
    whole = total - total % 8  # eights keep the share of ones
    reached = log_evidence(np.resize(x, whole + 8), low=0, high=1, mean=0.2)
    assert reached[whole - 1] < math.log(20) <= reached[whole + 7]
    assert rows_to_decide(x, low=0, high=1, mean=0.125, alpha=0.05) is None
    assert rows_to_decide([], low=0, high=1, mean=0.125, alpha=0.05) is None


def test_no_rows_and_constant_rows() -> None:
    assert log_evidence([], low=0, high=1, mean=0.5).tolist() == []
    assert confidence_interval([], low=0, high=1, alpha=0.05) == (0, 1)
    assert log_evidence([0.5] * 3, low=0, high=1, mean=0.5) == pytest.approx([-math.log(2)] * 3)
    assert confidence_interval([1.0] * 3, low=0, high=1, alpha=0.05)[1] == 1.0
    assert log_evidence([1.0] * 10**5, low=0, high=1, mean=0.5)[-1] > 1e4


def test_what_has_no_meaning_is_refused() -> None:
    for wrong in ([math.nan], [2.0], [-0.1], [[0.5]]):
        with pytest.raises(RefusedError, match="betting"):
            log_evidence(wrong, low=0, high=1, mean=0.5)
    for mean in (0.0, 1.0, math.nan):
        with pytest.raises(RefusedError, match="mean in question"):
            log_evidence([0.5], low=0, high=1, mean=mean)
    for low, high in ((1, 0), (0, math.inf), (math.nan, 1)):
        with pytest.raises(RefusedError, match="bounds"):
            confidence_interval([0.5], low=low, high=high, alpha=0.05)
    with pytest.raises(RefusedError, match="alpha"):
        confidence_interval([0.5], low=0, high=1, alpha=0)
