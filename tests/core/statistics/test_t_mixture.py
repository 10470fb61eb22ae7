"""Evidence on a mean of unknown variance: its formula, its guarantee at every look, and its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics import msprt
from quarterdeck.core.statistics.t_mixture import confidence_radius, confidence_sequence, log_evidence, rows_to_decide

values = st.lists(st.floats(-100, 100, allow_subnormal=False), max_size=40)


@pytest.mark.parametrize("x", [[0.3, -0.1, 0.8, 0.4, 0.2], [1.0, -2.0, 0.5, 0.25]])
def test_the_evidence_is_the_ratio_of_the_densities_of_t(x: list[float]) -> None:
    """Given the effect, t is noncentral t; mixing the effect over N(0, g) must give the closed form."""
    g, n = 0.5, len(x)
    t = np.mean(x) / (np.std(x, ddof=1) / math.sqrt(n))

    def mixed(effect: float) -> float:
        density = stats.nct.pdf(t, n - 1, effect * math.sqrt(n)) * stats.norm.pdf(effect, scale=math.sqrt(g))
        return float(density)

    ratio = integrate.quad(mixed, -6, 6, points=[0])[0] / stats.t.pdf(t, n - 1)
    assert math.exp(log_evidence(x, g=g)[-1]) == pytest.approx(ratio, rel=1e-6)


def test_for_many_rows_it_is_the_msprt_with_the_variance_put_in() -> None:
    x = np.random.default_rng(2).normal(0.05, 1.0, 20_000)
    known = msprt.log_likelihood_ratio(n=len(x), mean=x.mean(), variance=x.var(ddof=1), tau2=0.01 * x.var(ddof=1))
    assert log_evidence(x, g=0.01)[-1] == pytest.approx(known, rel=0.01)


@pytest.mark.parametrize(
    "source", [lambda rng, size: rng.normal(0, 3, size), lambda rng, size: rng.laplace(0, 1, size)]
)
def test_under_the_null_looking_from_the_first_row_on_errs_in_at_most_alpha_of_streams(
    source: object,
) -> None:
    rng, alpha, g = np.random.default_rng(11), 0.05, 0.05
    streams = source(rng, (1_000, 1_000))  # type: ignore[operator]  # one of the two above
    peaks = np.array([log_evidence(stream, g=g).max() for stream in streams])
    assert (peaks >= math.log(1 / alpha)).mean() <= alpha
    # The known-variance formula with the rows' own variance put in does not hold it from the first row on.
    n = np.arange(2, 1_001)
    mean = (np.cumsum(streams, axis=1) / np.arange(1, 1_001))[:, 1:]
    square = (np.cumsum(streams**2, axis=1) / np.arange(1, 1_001))[:, 1:]
    z2 = n * mean**2 / (square - mean**2)
    naive = -0.5 * np.log1p(n * g) + 0.5 * z2 * n * g / (1 + n * g)
    assert (naive >= math.log(1 / alpha)).any(axis=1).mean() > 2 * alpha


@given(values, st.floats(0.001, 10))
def test_swapping_the_models_changes_nothing_and_neither_does_the_unit(x: list[float], g: float) -> None:
    evidence = log_evidence(x, g=g)
    assert len(evidence) == len(x)
    assert np.isfinite(evidence).all()
    np.testing.assert_array_equal(evidence, log_evidence([-value for value in x], g=g))
    np.testing.assert_allclose(evidence, log_evidence([4 * value for value in x], g=g), rtol=1e-6, atol=1e-9)


@given(values, st.integers(0, 40))
def test_rows_that_come_later_do_not_change_the_evidence_before(x: list[float], cut: int) -> None:
    early = log_evidence(x[:cut], g=0.1)
    np.testing.assert_allclose(log_evidence(x, g=0.1)[:cut], early, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e6])
def test_the_running_variance_keeps_its_digits_far_from_zero(offset: float) -> None:
    x = np.random.default_rng(5).normal(0, 1, 500) + offset
    for k in (2, 10, 500):
        t2 = k * x[:k].mean() ** 2 / x[:k].var(ddof=1)
        r, v = 1 + k * 0.1, k - 1
        direct = -0.5 * math.log(r) + 0.5 * k * (math.log1p(t2 / v) - math.log1p(t2 / (v * r)))
        assert log_evidence(x, g=0.1)[k - 1] == pytest.approx(direct, rel=1e-4)


def test_rows_without_variance_have_a_meaning() -> None:
    assert log_evidence([], g=0.1).tolist() == []
    assert log_evidence([5.0], g=0.1).tolist() == [0.0]
    zeros = log_evidence([0.0] * 4, g=0.1)
    assert zeros == pytest.approx([0, *(-0.5 * np.log(1 + 0.1 * np.arange(2, 5)))])
    n = np.arange(2, 6)
    assert log_evidence([0.1] * 5, g=0.1)[1:] == pytest.approx(0.5 * (n - 1) * np.log(1 + 0.1 * n))


@given(st.integers(3, 400), st.floats(0.01, 1.0), st.floats(0.01, 0.3))
def test_zero_leaves_the_confidence_sequence_where_the_evidence_decides(n: int, g: float, alpha: float) -> None:
    noise = np.resize([1.0, -1.0, 0.5, -0.5], n)
    noise -= noise.mean()
    radius = confidence_radius(n=n, variance=float(noise.var(ddof=1)), g=g, alpha=alpha)
    if math.isinf(radius):
        assert log_evidence(noise + 1e9, g=g)[-1] < math.log(1 / alpha) + 1e-6
        return
    assert log_evidence(noise + radius * 0.999, g=g)[-1] < math.log(1 / alpha)
    assert log_evidence(noise + radius * 1.001, g=g)[-1] > math.log(1 / alpha)


def test_the_confidence_sequence_holds_the_mean_at_every_look() -> None:
    rng, alpha, missed = np.random.default_rng(6), 0.1, 0
    for _ in range(500):
        x = rng.normal(0.7, 2.0, 300)
        n = np.arange(1, 301)
        mean = np.cumsum(x) / n
        radii = [confidence_radius(n=k, variance=x[:k].var(ddof=1), g=0.05, alpha=alpha) for k in range(2, 301)]
        missed += bool((np.abs(mean[1:] - 0.7) > radii).any())
    assert missed / 500 <= alpha


def test_the_rows_to_decide_are_where_the_evidence_decides() -> None:
    effect, g, alpha = 0.1, 0.01, 0.05
    total = rows_to_decide(effect, g=g, alpha=alpha)
    assert total is not None
    noise = np.resize([1.0, -1.0], total - total % 2)
    reached = log_evidence(noise + effect, g=g)[-1]
    assert reached == pytest.approx(math.log(1 / alpha), abs=0.05)
    assert rows_to_decide(0.0, g=g, alpha=alpha) is None
    assert rows_to_decide(1e-5, g=g, alpha=alpha) is None
    assert rows_to_decide(-effect, g=g, alpha=alpha) == total


@pytest.mark.parametrize(("x", "g"), [([math.nan], 0.1), ([[1.0]], 0.1), ([1.0], 0.0), ([1.0], math.inf)])
def test_what_has_no_meaning_is_refused(x: list[float], g: float) -> None:
    with pytest.raises(RefusedError):
        log_evidence(x, g=g)


@given(values, st.floats(0.01, 1.0), st.floats(0.01, 0.5))
def test_the_sequence_leaves_0_out_where_the_evidence_decides(x: list[float], g: float, alpha: float) -> None:
    low, high = confidence_sequence(x, g=g, alpha=alpha)
    evidence = log_evidence(x, g=g)
    assert low.shape == high.shape == evidence.shape == (len(x),)
    for k in range(1, len(x)):
        if abs(evidence[k] - math.log(1 / alpha)) > 1e-6:
            assert bool(low[k] > 0 or high[k] < 0) is bool(evidence[k] > math.log(1 / alpha))


def test_the_sequence_is_the_mean_and_the_radius_at_each_row() -> None:
    x = np.random.default_rng(4).normal(3, 2, 200)
    low, high = confidence_sequence(x, g=0.05, alpha=0.1)
    for k in (1, 2, 3, 50, 200):
        variance = float(x[:k].var(ddof=1)) if k > 1 else 0.0
        radius = confidence_radius(n=k, variance=variance, g=0.05, alpha=0.1)
        assert high[k - 1] - low[k - 1] == pytest.approx(2 * radius)
        if math.isfinite(radius):
            assert (low[k - 1] + high[k - 1]) / 2 == pytest.approx(x[:k].mean())
    assert [part.tolist() for part in confidence_sequence([], g=0.1, alpha=0.1)] == [[], []]


@given(values, st.integers(0, 40))
def test_the_same_rows_give_the_same_evidence_to_the_last_digit(x: list[float], cut: int) -> None:
    np.testing.assert_array_equal(log_evidence(x, g=0.1)[:cut], log_evidence(x[:cut], g=0.1))
