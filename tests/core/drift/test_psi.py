"""PSI by hand, and that rows of one source do not drift."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from quarterdeck.core.drift.judge import judge_columns, judge_features
from quarterdeck.core.drift.psi import psi, psi_expected, psi_noise
from quarterdeck.core.drift_spec import DriftMethod, DriftSpec
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import build_profile, count
from quarterdeck.core.values import Task

vectors = st.integers(2, 12).flatmap(
    lambda k: st.tuples(*[st.lists(st.integers(0, 1_000), min_size=k, max_size=k) for _ in range(2)])
)


def test_psi_by_hand() -> None:
    by_hand = (0.25 - 0.5) * math.log(0.25 / 0.5) + (0.75 - 0.5) * math.log(0.75 / 0.5)
    assert by_hand == pytest.approx(0.27465307)
    assert psi([50, 50], [25, 75], smoothing=0) == pytest.approx(by_hand)
    assert psi([500_000, 500_000], [250_000, 750_000]) == pytest.approx(by_hand, rel=1e-4)
    p, q = 10.5 / 21, 0.5 / 11
    smoothed = 2 * ((1 - q) - p) * (math.log((1 - q) / q)) / 2
    assert psi([10, 10], [0, 10]) == pytest.approx(smoothed)


@given(vectors)
def test_psi_is_no_less_than_0_the_same_when_swapped_and_0_for_the_same_counts(
    pair: tuple[list[int], list[int]],
) -> None:
    first, second = pair
    if not any(first) or not any(second):
        assert math.isnan(psi(first, second))
        return
    assert psi(first, second) >= 0
    assert psi(first, second) == pytest.approx(psi(second, first), abs=1e-12)
    assert psi(first, first) == pytest.approx(0, abs=1e-12)


def test_bins_empty_on_both_sides_do_not_count() -> None:
    assert psi([5, 0, 7], [9, 0, 4]) == psi([5, 7], [9, 4])


def test_without_smoothing_an_empty_bin_is_infinitely_far() -> None:
    assert psi([5, 5], [0, 10], smoothing=0) == math.inf


@pytest.mark.parametrize(("first", "second"), [([1, 2], [1, 2, 3]), ([1, -1], [1, 1]), ([[[1]]], [[[1]]])])
def test_counts_that_do_not_compare_are_refused(first: list[Any], second: list[Any]) -> None:
    with pytest.raises(RefusedError):
        psi(first, second)


def test_samples_of_one_source_are_as_far_apart_as_the_noise_says() -> None:
    rng = np.random.default_rng(3)
    bins, n, m = 20, 5_000, 400
    shares = rng.dirichlet(np.full(bins, 5.0))
    values = [psi(rng.multinomial(n, shares), rng.multinomial(m, shares)) for _ in range(2_000)]
    assert np.mean(values) == pytest.approx(psi_expected(bins, n, m), rel=0.05)
    level = psi_noise(bins, n, m, quantile=0.95)
    assert np.mean(np.array(values) > level) == pytest.approx(0.05, abs=0.02)
    assert np.mean(np.array(values) > psi_noise(bins, n, m)) < 0.005


def test_the_noise_level_is_the_chi_square_quantile() -> None:
    assert psi_noise(20, 1_000, 500) == pytest.approx(stats.chi2.ppf(0.999, 19) * (1 / 1_000 + 1 / 500))
    assert psi_expected(20, 1_000, 500) == pytest.approx(19 * 0.003)
    assert psi_noise(1, 10, 10) == psi_expected(1, 10, 10) == 0
    assert psi_noise(3, 0, 10) == psi_expected(3, 10, 0) == math.inf


PSI = DriftSpec(method=DriftMethod.PSI)
SIGNATURE = Signature(
    fields=(Field(name="x", kind=FieldKind.NUMBER, nullable=True), Field(name="s", kind=FieldKind.STRING)),
    task=Task.REGRESSION,
    target="y",
)


def columns(seed: int, n: int, *, shift: float = 0.0, missing: float = 0.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, n)
    x[rng.random(n) < missing] = np.nan
    return {"x": x, "s": rng.choice(["a", "b"], n).tolist()}


@pytest.mark.parametrize(
    ("shift", "missing", "drifted"), [(0.0, 0.0, []), (1.0, 0.0, ["x"]), (0.0, 0.4, ["x"]), (0.1, 0.0, [])]
)
def test_a_feature_that_moved_or_went_missing_drifts_and_no_other(
    shift: float, missing: float, drifted: list[str]
) -> None:
    profile = build_profile(columns(1, 10_000), SIGNATURE)
    window = count(profile, columns(2, 1_000, shift=shift, missing=missing))
    results = judge_features(profile, window, PSI)
    assert [result.feature for result in results] == ["x", "s"]
    assert [result.feature for result in results if result.drifted] == drifted
    assert {(result.n_reference, result.n_window) for result in results} == {(10_000, 1_000)}


def test_a_window_too_small_to_tell_does_not_drift() -> None:
    profile = build_profile(columns(1, 10_000), SIGNATURE)
    window = count(profile, columns(5, 20, shift=0.3))
    result = judge_features(profile, window, PSI)[0]
    assert result.value is not None
    assert result.noise is not None
    assert result.threshold < result.value < result.noise
    assert not result.drifted


def test_an_empty_window_has_no_distance() -> None:
    profile = build_profile(columns(1, 100), SIGNATURE)
    results = judge_features(profile, count(profile, {"x": [], "s": []}), PSI)
    assert [(result.value, result.drifted, result.n_window) for result in results] == [(None, False, 0)] * 2


def test_the_score_drifts_apart_from_the_features() -> None:
    rng = np.random.default_rng(4)
    profile = build_profile(columns(1, 1_000), SIGNATURE, rng.beta(2, 5, 1_000).tolist())
    window = columns(2, 1_000)
    moved = count(profile, window, scores=rng.beta(5, 2, 1_000).tolist())
    assert profile.score is not None
    assert moved.score is not None
    [result] = judge_columns([(profile.score, moved.score)], PSI)
    assert (result.feature, result.drifted) == ("prediction", True)
    assert all(item.feature != "prediction" for item in judge_features(profile, moved, PSI))


def test_numbers_are_compared_in_twenty_bins_so_that_more_bins_bring_no_more_noise() -> None:
    profile = build_profile(columns(1, 10_000), SIGNATURE)
    assert len(profile.features[0].reference.counts) == 50
    result = judge_features(profile, count(profile, columns(5, 400)), PSI)[0]
    assert result.noise == pytest.approx(psi_noise(20, 10_000, 400))
    assert result.value is not None
    assert result.value < 0.25


def test_many_columns_at_once_give_what_each_gives_alone() -> None:
    first, second = [[50, 50, 0], [1, 2, 3]], [[25, 75, 0], [3, 2, 1]]
    each = [psi(a, b) for a, b in zip(first, second, strict=True)]
    assert np.asarray(psi(first, second)).tolist() == pytest.approx(each)
