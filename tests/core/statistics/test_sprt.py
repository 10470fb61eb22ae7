"""Wald's test: its bounds, its walk, and how often it errs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.sprt import BernoulliSprt, SprtDecision, sprt_bounds

rates = st.floats(0.01, 0.99)


def test_the_bounds_of_a_known_case() -> None:
    bounds = sprt_bounds(alpha=0.05, beta=0.2)
    assert bounds.upper == pytest.approx(2.772589, abs=5e-7)
    assert bounds.lower == pytest.approx(-1.558145, abs=5e-7)


@given(st.lists(st.booleans(), max_size=60), rates, rates)
def test_the_ratio_is_the_binomials_and_swapping_the_rates_flips_it(events: list[bool], p0: float, p1: float) -> None:
    if p0 == p1:
        return
    test, other = BernoulliSprt(p0=p0, p1=p1), BernoulliSprt(p0=p1, p1=p0)
    for event in events:
        test, other = test.add(event), other.add(event)
    k = sum(events[: test.n])
    direct = k * math.log(p1 / p0) + (test.n - k) * math.log((1 - p1) / (1 - p0))
    assert test.log_ratio == pytest.approx(direct, abs=1e-9)
    if test.n == other.n:
        assert test.log_ratio == pytest.approx(-other.log_ratio, abs=1e-12)


def test_a_decision_stays() -> None:
    test = BernoulliSprt(p0=0.1, p1=0.5)
    for _ in range(2):
        test = test.add(True)
    assert (test.decision, test.n) == (SprtDecision.ALTERNATIVE, 2)
    assert test.add(False) == test
    quiet = BernoulliSprt(p0=0.1, p1=0.5)
    for _ in range(9):
        quiet = quiet.add(False)
    assert (quiet.decision, quiet.n) == (SprtDecision.NULL, 3)


@pytest.mark.parametrize(("rate", "wrong"), [(0.1, "alternative"), (0.2, "null")])
def test_it_errs_no_more_often_than_walds_bound(rate: float, wrong: str) -> None:
    alpha, beta, streams = 0.05, 0.2, 2_000
    events = np.random.default_rng(4).random((streams, 2_000)) < rate
    step = np.where(events, math.log(0.2 / 0.1), math.log(0.8 / 0.9))
    bounds = sprt_bounds(alpha=alpha, beta=beta)
    path = np.cumsum(step, axis=1)
    above, below = path >= bounds.upper, path <= bounds.lower
    assert (above | below).any(axis=1).all()
    first_above = np.where(above.any(axis=1), above.argmax(axis=1), 10**6)
    first_below = np.where(below.any(axis=1), below.argmax(axis=1), 10**6)
    share = float((first_above < first_below).mean() if wrong == "alternative" else (first_below < first_above).mean())
    at_most = alpha / (1 - beta) if wrong == "alternative" else beta / (1 - alpha)
    print(f"Wald: {wrong} taken wrongly in {share:.4f} of {streams} streams, at most {at_most:.4f}")
    assert 0 < share <= at_most
    one = BernoulliSprt(p0=0.1, p1=0.2)
    for event in events[0]:
        one = one.add(bool(event))
    assert one.n == min(first_above[0], first_below[0]) + 1


def test_what_has_no_meaning_is_refused() -> None:
    for alpha, beta in ((0, 0.2), (0.05, 1.0), (0.6, 0.4), (math.nan, 0.1)):
        with pytest.raises(RefusedError, match="alpha and beta"):
            sprt_bounds(alpha=alpha, beta=beta)
    for p0, p1 in ((0.1, 0.1), (0, 0.5), (0.5, 1), (math.nan, 0.5)):
        with pytest.raises(RefusedError, match="rates"):
            BernoulliSprt(p0=p0, p1=p1)
    with pytest.raises(RefusedError, match="0 or 1"):
        BernoulliSprt(p0=0.1, p1=0.2).add(math.nan)  # type: ignore[arg-type]  # that is the point
