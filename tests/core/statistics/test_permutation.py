"""The sign-flip test: every choice of signs by hand, SciPy's Wilcoxon at hand, and its level."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.permutation import sign_flip_test

differences = st.lists(st.floats(-10, 10, allow_subnormal=False), min_size=1, max_size=9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-20, 20), min_size=1, max_size=9))
def test_for_few_rows_p_is_the_share_of_all_choices_of_signs(x: list[int]) -> None:
    sums = [sum(s * v for s, v in zip(signs, x, strict=True)) for signs in itertools.product((1, -1), repeat=len(x))]
    share = np.mean([abs(total) >= abs(sum(x)) for total in sums])
    found = sign_flip_test(x)
    assert found.exact
    assert found.p == pytest.approx(share)
    assert found.p >= found.smallest_p - 1e-12


@settings(max_examples=50, deadline=None)
@given(differences)
def test_swapping_the_models_flips_the_sign_only(x: list[float]) -> None:
    one, other = sign_flip_test(x), sign_flip_test(np.negative(x))
    assert one.difference == -other.difference
    assert one.p == pytest.approx(other.p)
    assert one == sign_flip_test(x)


def test_of_ranks_it_is_wilcoxons_test() -> None:
    x = np.random.default_rng(2).normal(0.5, 1, 11)
    ranks = np.sign(x) * stats.rankdata(np.abs(x))
    assert sign_flip_test(ranks).p == pytest.approx(stats.wilcoxon(x, method="exact").pvalue)


def test_for_many_rows_p_is_near_students() -> None:
    x = np.random.default_rng(3).normal(0.12, 1, 400)
    found = sign_flip_test(x)
    assert not found.exact
    assert found.p == pytest.approx(stats.ttest_1samp(x, 0).pvalue, abs=0.01)
    assert sign_flip_test(x + 5).p == found.smallest_p == pytest.approx(2e-4)


def test_under_the_null_p_is_under_a_twentieth_in_at_most_a_twentieth_of_samples() -> None:
    rng = np.random.default_rng(5)
    below = np.mean([sign_flip_test(rng.laplace(size=10)).p <= 0.05 for _ in range(500)])
    assert 0.02 < below < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 500)


def test_constant_and_tiny_input() -> None:
    assert sign_flip_test([0.0] * 5).p == 1.0
    assert sign_flip_test([0.1] * 5).p == sign_flip_test([0.1] * 5).smallest_p == 2 / 32
    single = sign_flip_test([3.0])
    assert (single.p, single.smallest_p, single.n) == (1.0, 1.0, 1)


def test_what_has_no_meaning_is_refused() -> None:
    for wrong in ([], [math.nan], [math.inf, 1.0], [[1.0]]):
        with pytest.raises(RefusedError):
            sign_flip_test(wrong)
    with pytest.raises(RefusedError, match="resamples"):
        sign_flip_test([1.0, 2.0], resamples=0)
