"""The mixture SPRT meets its formula, and never errs more often than it says, however often one looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.msprt import (
    State,
    best_tau2,
    confidence_radius,
    log_evidence,
    log_likelihood_ratio,
    p_value,
)

means = st.floats(-100, 100)
variances = st.floats(1e-6, 1e6)


@pytest.mark.parametrize(("n", "mean", "ratio"), [(100, 0.5, 64.170151), (10, 0.0, 0.40824829)])
def test_the_likelihood_ratio_of_known_cases(n: int, mean: float, ratio: float) -> None:
    assert math.exp(log_likelihood_ratio(n=n, mean=mean, variance=2, tau2=1)) == pytest.approx(ratio, rel=1e-7)


def test_the_p_value_of_a_known_case() -> None:
    assert p_value(n=100, mean=0.5, variance=2, tau2=1) == pytest.approx(0.01558357, rel=1e-6)
    assert p_value(n=100, mean=0.5, variance=2, tau2=1, previous=0.001) == 0.001
    assert p_value(n=10, mean=0.0, variance=2, tau2=1) == 1.0


@given(st.integers(0, 10**6), means, variances, st.floats(1e-6, 1e3))
def test_swapping_the_two_models_leaves_the_evidence_as_it_is(
    n: int, mean: float, variance: float, tau2: float
) -> None:
    one = log_likelihood_ratio(n=n, mean=mean, variance=variance, tau2=tau2)
    other = log_likelihood_ratio(n=n, mean=-mean, variance=variance, tau2=tau2)
    assert one == other
    assert math.isfinite(one)


@given(st.integers(1, 10**6), variances, st.floats(1e-3, 1e3), st.floats(0.001, 0.5))
def test_zero_leaves_the_confidence_sequence_where_the_test_rejects(
    n: int, variance: float, tau2: float, alpha: float
) -> None:
    radius = confidence_radius(n=n, variance=variance, tau2=tau2, alpha=alpha)
    for factor, rejects in ((0.999, False), (1.001, True)):
        ratio = log_likelihood_ratio(n=n, mean=radius * factor, variance=variance, tau2=tau2)
        assert (ratio >= math.log(1 / alpha)) is rejects


@given(st.lists(st.floats(-10, 10), max_size=40))
def test_p_never_rises_along_a_stream(values: list[float]) -> None:
    state = State(variance=2.0, tau2=0.5)
    for value in values:
        before, state = state, state.add(value)
        assert state.p <= before.p
    assert state.n == len(values)
    assert state.mean == pytest.approx(np.mean(values) if values else 0.0, abs=1e-9)


@pytest.mark.parametrize("effect", [0.0])
def test_under_the_null_looking_after_every_row_errs_in_at_most_alpha_of_streams(effect: float) -> None:
    streams, rows, alpha, tau2 = 2_000, 1_000, 0.05, 0.05
    x = np.random.default_rng(7).normal(effect, 1.0, (streams, rows))
    n = np.arange(1, rows + 1)
    mean = np.cumsum(x, axis=1) / n
    ratio = 0.5 * np.log(1 / (1 + n * tau2)) + (n * mean) ** 2 * tau2 / (2 * (1 + n * tau2))
    assert ratio[3, 99] == pytest.approx(log_likelihood_ratio(n=100, mean=mean[3, 99], variance=1, tau2=tau2))
    rejected = (ratio >= math.log(1 / alpha)).any(axis=1).mean()
    assert 0.005 < rejected <= alpha
    # A fixed-sample z-test looked at as often does not hold its level by far.
    naive = (np.abs(mean) * np.sqrt(n) > 1.959964).any(axis=1).mean()
    assert naive > 5 * alpha
    radius = np.array([confidence_radius(n=int(k), variance=1, tau2=tau2, alpha=alpha) for k in n])
    assert (np.abs(mean) > radius).any(axis=1).mean() == rejected


def test_a_true_difference_is_found() -> None:
    x = np.random.default_rng(8).normal(0.3, 1.0, 1_000)
    state = State(variance=1.0, tau2=0.05)
    for value in x:
        state = state.add(float(value))
    assert state.p < 1e-6


def test_the_extremes_have_a_meaning() -> None:
    assert log_likelihood_ratio(n=0, mean=0.0, variance=1, tau2=1) == 0
    assert log_likelihood_ratio(n=5, mean=0.0, variance=0, tau2=1) == 0
    assert log_likelihood_ratio(n=5, mean=0.1, variance=0, tau2=1) == math.inf
    assert p_value(n=5, mean=0.1, variance=0, tau2=1) == 0
    assert log_likelihood_ratio(n=10**6, mean=100.0, variance=1, tau2=1) > 1e9
    assert confidence_radius(n=0, variance=1, tau2=1, alpha=0.05) == math.inf
    assert confidence_radius(n=5, variance=0, tau2=1, alpha=0.05) == 0


@pytest.mark.parametrize("n", [50, 1_000])
def test_the_best_tau2_has_the_narrowest_interval_at_its_n(n: int) -> None:
    best = best_tau2(variance=2.0, n=n, alpha=0.05)
    radius = confidence_radius(n=n, variance=2.0, tau2=best, alpha=0.05)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert radius < confidence_radius(n=n, variance=2.0, tau2=best * factor, alpha=0.05)


def test_what_has_no_meaning_is_refused() -> None:
    for wrong in ({"n": -1}, {"mean": math.nan}, {"variance": -1.0}, {"tau2": 0.0}):
        arguments = {"n": 5, "mean": 0.0, "variance": 1.0, "tau2": 1.0} | wrong
        with pytest.raises(RefusedError):
            log_likelihood_ratio(**arguments)
    with pytest.raises(RefusedError, match="alpha"):
        confidence_radius(n=5, variance=1, tau2=1, alpha=0)
    with pytest.raises(RefusedError, match="scale"):
        best_tau2(variance=0.0, n=5, alpha=0.05)
    with pytest.raises(RefusedError, match="no observation"):
        State(variance=1, tau2=1).add(math.nan)


@given(st.lists(st.floats(-10, 10), max_size=40), st.floats(0.1, 10), st.floats(0.01, 1))
def test_the_path_is_the_ratio_after_each_row(values: list[float], variance: float, tau2: float) -> None:
    path = log_evidence(values, variance=variance, tau2=tau2)
    assert path.shape == (len(values),)
    for k in range(1, len(values) + 1):
        direct = log_likelihood_ratio(n=k, mean=float(np.mean(values[:k])), variance=variance, tau2=tau2)
        assert path[k - 1] == pytest.approx(direct, rel=1e-6, abs=1e-9)


def test_the_interval_of_a_stream_leaves_0_out_where_its_p_says_so() -> None:
    state = State(variance=2.0, tau2=1.0)
    assert state.interval(0.05) == (-math.inf, math.inf)
    for _ in range(100):
        before, state = state, state.add(0.5)
        assert (state.interval(0.05)[0] > 0) is (state.p <= 0.05)
        assert state.interval(0.05)[0] <= state.mean <= state.interval(0.05)[1]
        assert state.p <= before.p
    assert state.p == pytest.approx(0.01558357, rel=1e-6)


@pytest.mark.parametrize(("values", "variance"), [([math.nan], 1.0), ([math.inf], 1.0), ([[1.0]], 1.0), ([1.0], 0.0)])
def test_a_path_without_meaning_is_refused(values: list[float], variance: float) -> None:
    with pytest.raises(RefusedError):
        log_evidence(values, variance=variance, tau2=1.0)
