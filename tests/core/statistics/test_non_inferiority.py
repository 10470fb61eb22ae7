"""Non-inferiority of two shares of failures: published intervals, its level at the margin, the rows it needs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from statsmodels.stats.proportion import score_test_proportions_2indep as score_test

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.non_inferiority import Failures, non_inferiority, rows_needed

groups = st.integers(2, 400).flatmap(lambda n: st.builds(Failures, count=st.integers(0, n), n=st.just(n)))
inner = st.integers(4, 400).flatmap(lambda n: st.builds(Failures, count=st.integers(1, n - 1), n=st.just(n)))


# Statsmodels 0.15 is right at margin 0 only: elsewhere its cubic for the rates has a wrong linear coefficient.
@given(inner, inner, st.booleans())
def test_statsmodels_says_the_same_at_margin_0(first: Failures, second: Failures, corrected: bool) -> None:
    theirs = score_test(
        second.count,
        second.n,
        first.count,
        first.n,
        value=0.0,
        compare="diff",
        alternative="smaller",
        correction=corrected,
    )
    found = non_inferiority(first, second, margin=0.0, corrected=corrected)
    assert found.z == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-9)
    assert found.p == pytest.approx(theirs.pvalue, abs=1e-9)


@pytest.mark.parametrize(
    ("corrected", "interval", "precision"),
    [
        (True, (0.0270416, 0.3452912), 5e-8),  # diffscoreci(7, 34, 1, 34, 0.95) of the R package PropCIs
        (False, (0.028, 0.34), 5e-3),  # Fagerland, Lydersen and Laake 2011, of the same table
    ],
)
def test_the_known_interval_of_7_of_34_against_1_of_34(
    corrected: bool, interval: tuple[float, float], precision: float
) -> None:
    first, second = Failures(count=1, n=34), Failures(count=7, n=34)
    found = non_inferiority(first, second, margin=0.0, confidence=0.975, corrected=corrected)
    assert (found.low, found.high) == pytest.approx(interval, abs=precision)


@given(inner, inner, st.floats(-0.5, 0.5))
def test_the_restricted_rates_are_those_of_greatest_likelihood(
    first: Failures, second: Failures, margin: float
) -> None:
    """z is the distance over an error that only the right rates give: found here by search, not by the cubic."""

    def slope(p: float) -> float:
        q = p + margin
        return (first.count - first.n * p) / (p * (1 - p)) + (second.count - second.n * q) / (q * (1 - q))

    low, high = max(0.0, -margin) + 1e-9, min(1.0, 1 - margin) - 1e-9
    p = optimize.brentq(slope, low, high, xtol=1e-14)  # the likelihood is concave
    variance = p * (1 - p) / first.n + (p + margin) * (1 - p - margin) / second.n
    found = non_inferiority(first, second, margin=margin, corrected=False)
    assert found.z == pytest.approx((second.share - first.share - margin) / math.sqrt(variance), rel=1e-5, abs=1e-6)


@given(groups, groups, st.floats(0.5, 0.999))
def test_swapping_the_groups_flips_the_signs_only(first: Failures, second: Failures, confidence: float) -> None:
    one = non_inferiority(first, second, margin=0.0, confidence=confidence)
    other = non_inferiority(second, first, margin=0.0, confidence=confidence)
    assert one.difference == -other.difference
    assert (one.low, one.high) == (-other.high, -other.low)
    assert one.z == pytest.approx(-other.z, abs=1e-9)
    assert -1 <= one.low <= one.difference + 1e-9
    assert one.difference - 1e-9 <= one.high <= 1


@given(groups, groups, st.floats(-0.5, 0.5), st.floats(0.6, 0.99))
def test_the_bound_is_under_the_margin_where_the_test_rejects(
    first: Failures, second: Failures, margin: float, confidence: float
) -> None:
    found = non_inferiority(first, second, margin=margin, confidence=confidence)
    if abs(found.high - margin) > 1e-6:
        assert found.not_inferior == (found.p < 1 - confidence)
    if abs(found.low - margin) > 1e-6:
        assert found.inferior == (found.p > confidence)
    assert not (found.inferior and found.not_inferior)


@pytest.mark.parametrize(("rate", "n", "m"), [(0.1, 200, 200), (0.02, 900, 100), (0.3, 60, 60)])
def test_at_the_margin_it_passes_about_as_often_as_it_says(rate: float, n: int, m: int) -> None:
    rng, margin, samples = np.random.default_rng(12), 0.05, 2_000
    ones, others = rng.binomial(n, rate, samples), rng.binomial(m, rate + margin, samples)
    passed = 0
    for one, other in zip(ones.tolist(), others.tolist(), strict=True):
        passed += non_inferiority(Failures(count=one, n=n), Failures(count=other, n=m), margin=margin).not_inferior
    # Approximate by its nature: within a percentage point of the level, and the simulation's noise.
    assert passed / samples < 0.06 + 3 * math.sqrt(0.05 * 0.95 / samples)


def test_groups_without_failures_have_bounds_that_shrink() -> None:
    highs = [non_inferiority(Failures(count=0, n=n), Failures(count=0, n=n), margin=0.01).high for n in (1, 20, 2_000)]
    assert 0.5 < highs[0] < 1
    assert highs[0] > highs[1] > 0.05 > highs[2] > 0.0001
    none = non_inferiority(Failures(count=0, n=9), Failures(count=0, n=9), margin=0.0)
    assert (none.z, none.p, none.difference) == (0.0, 0.5, 0.0)
    total = non_inferiority(Failures(count=0, n=50), Failures(count=50, n=50), margin=0.1)
    assert (total.high, total.inferior) == (1.0, True)


@pytest.mark.parametrize(("margin", "n"), [(0.05, 150), (0.1, 30)])
def test_with_the_rows_needed_it_passes_with_the_power_asked(margin: float, n: int) -> None:
    rate, samples = 0.1, 1_000
    start = non_inferiority(Failures(count=n // 10, n=n), Failures(count=n // 10, n=n), margin=margin)
    more = rows_needed(start, power=0.8)
    assert more is not None and more[0] == more[1] > 0
    rng, total = np.random.default_rng(1), n + more[0]
    passed = sum(
        non_inferiority(Failures(count=a, n=total), Failures(count=b, n=total), margin=margin).not_inferior
        for a, b in rng.binomial(total, rate, (samples, 2)).tolist()
    )
    assert 0.72 < passed / samples < 0.9


def test_the_rows_needed_where_there_is_nothing_to_ask() -> None:
    decided = non_inferiority(Failures(count=10, n=1_000), Failures(count=10, n=1_000), margin=0.1)
    assert (decided.not_inferior, rows_needed(decided)) == (True, (0, 0))
    on_it = non_inferiority(Failures(count=1, n=4), Failures(count=2, n=4), margin=0.25)
    assert rows_needed(on_it) is None
    far = non_inferiority(Failures(count=25, n=100), Failures(count=25, n=100), margin=1e-7)
    assert rows_needed(far) is None
    uneven = rows_needed(non_inferiority(Failures(count=9, n=90), Failures(count=1, n=10), margin=0.05))
    assert uneven is not None and uneven[0] == pytest.approx(9 * uneven[1], abs=9)


def test_what_has_no_meaning_is_refused() -> None:
    for count, n in ((-1, 5), (6, 5), (0, 0)):
        with pytest.raises(RefusedError, match="failures"):
            Failures(count=count, n=n)
    group = Failures(count=1, n=5)
    for margin in (1.0, -1.0, math.nan):
        with pytest.raises(RefusedError, match="margin"):
            non_inferiority(group, group, margin=margin)
    for confidence in (0.3, 1.0, math.nan):
        with pytest.raises(RefusedError, match="confidence"):
            non_inferiority(group, group, margin=0.1, confidence=confidence)
    with pytest.raises(RefusedError, match="power"):
        rows_needed(non_inferiority(group, group, margin=0.1), power=0)
