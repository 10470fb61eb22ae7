"""Two arms of traffic: pairs by order of arrival, evidence that holds at any look, and what rare failures need."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics import betting, t_mixture
from quarterdeck.core.statistics.msprt import best_tau2
from quarterdeck.core.statistics.two_arm_evidence import MINIMUM_VARYING
from quarterdeck.core.statistics.two_arms import TwoArms, two_arm_sequence

losses = st.lists(st.floats(0, 1, allow_subnormal=False), max_size=60)
bounds = st.sampled_from([None, (0.0, 1.0)])


def run(first: Any, second: Any, **changed: Any) -> TwoArms:
    return two_arm_sequence(first, second, **({"alpha": 0.05, "minimum": 5} | changed))


def test_the_evidence_is_that_of_the_differences_in_order_of_arrival() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(1, 1, 90), rng.normal(1.3, 1, 120)
    found = run(first, second, minimum=30)
    differences = second[:90] - first
    g = best_tau2(variance=1.0, n=300, alpha=0.05)
    assert found.difference == differences.mean()
    assert found.e_value == pytest.approx(math.exp(t_mixture.log_evidence(differences, g=g)[29:].max()))
    low, high = t_mixture.confidence_sequence(differences, g=g, alpha=0.05)
    assert found.interval == pytest.approx((low[-1], high[-1]))
    bounded = run(first > 1, second > 1, minimum=30, bounds=(0, 1))
    same = (second[:90] > 1).astype(float) - (first > 1)
    assert bounded.interval == betting.confidence_interval(same, low=-1, high=1, alpha=0.05)
    assert bounded.e_value == pytest.approx(
        max(1, math.exp(betting.log_evidence(same, low=-1, high=1, mean=0)[29:].max()))
    )
    assert (found.n, found.m, found.pairs) == (90, 120, 90)


@settings(deadline=None)
@given(losses, losses, bounds)
def test_swapping_the_arms_flips_the_signs_only(first: list[float], second: list[float], limits: Any) -> None:
    one, other = run(first, second, bounds=limits), run(second, first, bounds=limits)
    assert (one.e_value, one.p, one.pairs, one.enough) == (other.e_value, other.p, other.pairs, other.enough)
    assert (one.n, one.m, one.not_worse, one.worse) == (other.m, other.n, other.worse, other.not_worse)
    if one.interval is not None and other.interval is not None:
        assert one.interval == (-other.interval[1], -other.interval[0])
    if one.difference is not None and other.difference is not None:
        assert one.difference == -other.difference


@settings(deadline=None, max_examples=50)
@given(losses, losses, bounds, st.floats(-0.2, 0.2), st.randoms(use_true_random=False))
def test_p_never_rises_however_the_arms_are_interleaved(
    first: list[float], second: list[float], limits: Any, margin: float, random: Any
) -> None:
    n, m, p = 0, 0, 1.0
    while n < len(first) or m < len(second):
        if m == len(second) or (n < len(first) and random.random() < 0.5):
            n += 1
        else:
            m += 1
        found = run(first[:n], second[:m], bounds=limits, margin=margin)
        assert found == run(first[:n], second[:m], bounds=limits, margin=margin)
        assert found.p <= p
        assert found.p == pytest.approx(1 / found.e_value)
        p = found.p


@settings(deadline=None)
@given(losses, losses, bounds, st.floats(-0.2, 0.2))
def test_a_decision_is_where_the_interval_leaves_the_margin_out(
    first: list[float], second: list[float], limits: Any, margin: float
) -> None:
    found = run(first, second, bounds=limits, margin=margin)
    if found.worse or found.not_worse:
        assert found.rows_needed == (0, 0)
        assert found.p <= 0.05 * (1 + 1e-6)
    else:
        assert found.rows_needed is None or max(found.rows_needed) > 0


@pytest.mark.parametrize("limits", [None, (0.0, 1.0)])
def test_before_the_minimum_of_either_arm_nothing_is_decided(limits: Any) -> None:
    bad, good = np.resize([1.0, 1.0, 0.9], 500), np.resize([0.0, 0.1], 500)
    early = run(good, bad[:49], minimum=50, bounds=limits)
    assert (early.enough, early.p, early.e_value, early.interval) == (False, 1.0, 1.0, None)
    assert early.rows_needed == (0, 1)
    assert run(good[:20], bad, minimum=50, bounds=limits).rows_needed == (30, 0)
    assert run([], [], minimum=50, bounds=limits).rows_needed == (50, 50)
    assert run([], [], minimum=50, bounds=limits).difference is None
    enough = run(good, bad[:50], minimum=50, bounds=limits)
    assert enough.worse
    assert enough.p < 1e-3


def test_rare_failures_are_no_certainty() -> None:
    """Student's t of fifty rows without failure would have a radius of 0."""
    none = np.zeros(60)
    assert run(none, none, minimum=50).interval is None
    assert run(none, none, minimum=50, margin=0.01).rows_needed is None
    few = none.copy()
    few[::6] = 1
    assert not run(none, few, minimum=50).enough
    assert run(none, few, minimum=50).rows_needed == (math.ceil(MINIMUM_VARYING * 60 / 10) - 60,) * 2
    interval = run(none, none, minimum=50, bounds=(0, 1)).interval
    assert interval is not None and interval[0] < -0.05 < 0.05 < interval[1]


def test_the_rows_needed_lead_to_a_decision() -> None:
    noise = np.resize([0.0, 1.0, 1.0, 0.0, 1.0, 0.0], 120)
    for limits in (None, (0.0, 1.0)):
        early = run(noise[::-1], noise, minimum=50, margin=0.15, bounds=limits)
        assert early.rows_needed is not None and early.rows_needed[0] > 0
        total = 120 + early.rows_needed[0] + 12
        later = run(np.resize(noise[::-1], total), np.resize(noise, total), minimum=50, margin=0.15, bounds=limits)
        assert later.not_worse
        assert not later.worse


def test_a_fuller_arm_is_averaged_at_the_ratio_of_the_plan() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(0, 1, 1_910), rng.normal(0, 1, 100)
    single, averaged = run(first, second, minimum=20), run(first, second, minimum=20, ratio=19)
    assert averaged.pairs == 100
    assert averaged.difference == pytest.approx(second.mean() - first[:1_900].mean())
    assert single.interval is not None and averaged.interval is not None
    shrunk = (averaged.interval[1] - averaged.interval[0]) / (single.interval[1] - single.interval[0])
    assert shrunk == pytest.approx(math.sqrt((1 + 1 / 19) / 2), rel=0.15)
    assert run(first[:100], second, minimum=20, ratio=19).rows_needed == (20 * 19 - 100, 0)


@pytest.mark.parametrize(("p", "q"), [(0.01, 0.03), (0.1, 0.1), (0.3, 0.4)])
def test_of_failures_the_interval_holds_the_difference_at_every_look(p: float, q: float) -> None:
    rng, alpha, streams = np.random.default_rng(9), 0.05, 500
    missed = 0
    for _ in range(streams):
        first, second = (rng.random(500) < p).astype(float), (rng.random(500) < q).astype(float)
        missed += run(first, second, minimum=50, margin=q - p, bounds=(0, 1)).p <= alpha
    assert missed / streams <= alpha


def test_a_true_difference_is_found_and_equal_arms_are_not_worse_by_a_margin() -> None:
    rng = np.random.default_rng(10)
    first, worse, same = (rng.random(4_000) < p for p in (0.1, 0.16, 0.1))
    assert run(first, worse, minimum=50, bounds=(0, 1), margin=0.02).worse
    assert run(first, same, minimum=50, bounds=(0, 1), margin=0.04).not_worse
    minutes = rng.lognormal(3, 1, 4_000)
    assert run(minutes, 1.5 * rng.lognormal(3, 1, 4_000), minimum=50).worse


def test_what_has_no_meaning_is_refused() -> None:
    for wrong in ([math.nan], [math.inf], [[1.0]]):
        with pytest.raises(RefusedError, match="finite"):
            run(wrong, [1.0])
        with pytest.raises(RefusedError, match="finite"):
            run([1.0], wrong)
    with pytest.raises(RefusedError, match="outside the bounds"):
        run([0.5], [1.5], bounds=(0, 1))
    for changed in ({"minimum": 1}, {"ratio": 0}, {"margin": math.nan}):
        with pytest.raises(RefusedError, match="no comparison"):
            run([1.0], [1.0], **changed)
    for limits in ((0, 1), (1, 0), (0, math.inf)):
        with pytest.raises(RefusedError, match="margin"):
            run([], [], bounds=limits, margin=1.0 if limits == (0, 1) else 0.0)
    with pytest.raises(RefusedError, match="alpha"):
        run([1.0], [1.0], alpha=1)
