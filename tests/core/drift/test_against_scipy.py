"""Every method from counts alone beside SciPy on the raw rows, and how far the bins move it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import jensenshannon
from statsmodels.stats.proportion import proportions_ztest

from quarterdeck.core.drift.chi_square import chi_square
from quarterdeck.core.drift.hellinger import hellinger
from quarterdeck.core.drift.jensen_shannon import jensen_shannon
from quarterdeck.core.drift.kolmogorov_smirnov import kolmogorov_smirnov
from quarterdeck.core.drift.proportions import proportions_z
from quarterdeck.core.drift.wasserstein import wasserstein
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import BinCounts, FeatureProfile, build_profile, count_column
from quarterdeck.core.values import Task

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]

SHAPES: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(0, 1, n),
    "far from zero": lambda rng, n: rng.normal(1e6, 3, n),
    "uniform": lambda rng, n: rng.random(n),
    "skewed": lambda rng, n: rng.lognormal(0, 1, n),
    "heavy tails": lambda rng, n: rng.standard_t(3, n),
    "two humps": lambda rng, n: np.where(rng.random(n) < 0.3, rng.normal(-4, 1, n), rng.normal(3, 0.5, n)),
    "whole numbers": lambda rng, n: rng.poisson(8, n).astype(np.float64),
    "mostly zero": lambda rng, n: np.where(rng.random(n) < 0.8, 0.0, rng.exponential(1, n)),
}
MOVES = {"none": (0.0, 1.0), "a little": (0.05, 1.0), "far": (0.5, 1.0), "wider": (0.0, 1.5)}  # in deviations
vectors = st.integers(2, 12).flatmap(
    lambda k: st.tuples(*[st.lists(st.integers(0, 1_000), min_size=k, max_size=k) for _ in range(2)])
)


def profile_of(values: Any, kind: FieldKind = FieldKind.NUMBER) -> FeatureProfile:
    signature = Signature(fields=(Field(name="x", kind=kind, nullable=True),), task=Task.REGRESSION, target="y")
    return build_profile({"x": values}, signature).features[0]


def rows(shape: str, move: str, n: int = 100_000) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(7)
    reference, fresh = SHAPES[shape](rng, n), SHAPES[shape](rng, n)
    shift, scale = MOVES[move]
    middle, spread = reference.mean(), reference.std()
    moved = middle + (fresh - middle) * scale + shift * spread
    if shape == "whole numbers":
        moved = np.round(moved)
    return reference, np.where(fresh == 0, 0.0, moved) if shape == "mostly zero" else moved


def counted(reference: Any, window: Any, kind: FieldKind = FieldKind.NUMBER) -> tuple[FeatureProfile, BinCounts]:
    feature = profile_of(reference, kind)
    return feature, count_column(feature, window)


@pytest.mark.parametrize("move", [move for move in MOVES if move != "wider"])
@pytest.mark.parametrize("shape", SHAPES)
def test_wasserstein_from_counts_is_the_rows_own_within_a_tenth_and_two_hundredths(shape: str, move: str) -> None:
    reference, window = rows(shape, move)
    feature, found = counted(reference, window)
    raw = stats.wasserstein_distance(reference, window) / reference.std()
    assert abs(wasserstein(feature, found) - raw) <= 0.02 + 0.1 * raw


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_beyond_training_on_both_sides_are_seen_at_half_their_distance_at_least(shape: str) -> None:
    reference, window = rows(shape, "wider")
    feature, found = counted(reference, window)
    raw = stats.wasserstein_distance(reference, window) / reference.std()
    assert 0.6 * raw <= wasserstein(feature, found) <= 1.1 * raw + 0.02


@pytest.mark.parametrize("shape", SHAPES)
def test_wasserstein_of_rows_far_beyond_training_is_what_the_means_say(shape: str) -> None:
    reference, _ = rows(shape, "none")
    feature, found = counted(reference, reference + 100 * reference.std())
    assert wasserstein(feature, found) == pytest.approx(100, rel=0.01)


def test_wasserstein_of_a_constant_is_the_share_that_left_it() -> None:
    feature, found = counted([5.0] * 100, [5.0] * 75 + [9.0] * 25)
    assert 0.25 <= wasserstein(feature, BinCounts(counts=found.counts, missing=0)) == pytest.approx(0.25)
    assert wasserstein(feature, count_column(feature, [5.0] * 50)) == pytest.approx(0, abs=1e-9)


def test_wasserstein_reads_profiles_of_twenty_bins_without_centres() -> None:
    rng = np.random.default_rng(1)
    values, window = rng.normal(size=10_000), rng.normal(0.5, 1, 5_000)
    edges = np.quantile(values, np.linspace(0, 1, 21)[1:-1])
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=20)
    old = FeatureProfile(
        name="x", kind=FieldKind.NUMBER, edges=tuple(edges), minimum=values.min(), maximum=values.max(),
        mean=values.mean(), deviation=values.std(), reference=BinCounts(counts=tuple(counts.tolist()), missing=0),
    )  # fmt: skip
    found = BinCounts(
        counts=tuple(np.bincount(np.searchsorted(edges, window, side="right"), minlength=20).tolist()), missing=0
    )
    assert wasserstein(old, found) == pytest.approx(stats.wasserstein_distance(values, window), rel=0.15)


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("shape", SHAPES)
def test_fifty_bins_move_kolmogorov_smirnov_by_little_and_never_up(shape: str, move: str) -> None:
    reference, window = rows(shape, move)
    feature, found = counted(reference, window)
    raw = stats.ks_2samp(reference, window, method="asymp").statistic
    binned = kolmogorov_smirnov(feature.reference.counts, found.counts).statistic
    # where the shape stays, what moves within one bin is little; a move of the whole moves a part of a bin
    assert -1e-12 <= raw - binned <= {"none": 0.0015, "a little": 0.006, "far": 0.02, "wider": 0.02}[move]


def test_kolmogorov_smirnov_has_the_asymptotic_p_of_scipy() -> None:
    rng = np.random.default_rng(3)
    reference, window = rng.integers(0, 20, 900).astype(float), rng.integers(0, 19, 300).astype(float)
    feature, found = counted(reference, window)
    raw = stats.ks_2samp(reference, window, method="asymp")
    ours = kolmogorov_smirnov(feature.reference.counts, found.counts)
    assert ours.statistic == pytest.approx(raw.statistic)
    assert ours.p_value == pytest.approx(raw.pvalue)


@given(vectors)
def test_chi_square_is_scipys_where_nothing_is_put_together(pair: tuple[list[int], list[int]]) -> None:
    first, second = ([count + 20 for count in side] for side in pair)
    raw = stats.chi2_contingency([first, second], correction=False)
    if raw.expected_freq.min() < 5:
        return
    found = chi_square(first, second)
    assert found.statistic == pytest.approx(raw.statistic)
    assert found.p_value == pytest.approx(raw.pvalue, abs=1e-12)


def test_chi_square_counts_rare_categories_together() -> None:
    found = chi_square([500, 400, 3, 2, 1], [50, 40, 1, 0, 9])
    assert found.statistic == pytest.approx(stats.chi2_contingency([[500, 406], [50, 50]], correction=False).statistic)
    assert chi_square([10], [20]).p_value == 1


@given(st.tuples(*[st.integers(0, 500)] * 4))
def test_z_is_statsmodels_and_its_square_is_chi_square(table: tuple[int, int, int, int]) -> None:
    a, b, c, d = table
    found = proportions_z((a, b), (c, d))
    if a + b == 0 or c + d == 0:
        assert math.isnan(found.p_value)
    elif a + c == 0 or b + d == 0:
        assert (found.statistic, found.p_value) == (0, 1)
    else:
        z, p = proportions_ztest([c, a], [c + d, a + b])
        assert (found.statistic, found.p_value) == (pytest.approx(z), pytest.approx(p, abs=1e-12))
        squared = stats.chi2_contingency([[a, b], [c, d]], correction=False).statistic
        assert found.statistic**2 == pytest.approx(squared)


@given(vectors)
def test_jensen_shannon_is_scipys(pair: tuple[list[int], list[int]]) -> None:
    first, second = pair
    if not any(first) or not any(second):
        assert math.isnan(jensen_shannon(first, second))
        return
    assert jensen_shannon(first, second) == pytest.approx(jensenshannon(first, second), abs=1e-7)
    assert 0 <= jensen_shannon(first, second) <= math.sqrt(math.log(2)) + 1e-12
    assert jensen_shannon(first, second) == pytest.approx(jensen_shannon(second, first), abs=1e-12)


@given(vectors)
def test_hellinger_is_its_formula_between_0_and_1(pair: tuple[list[int], list[int]]) -> None:
    first, second = (np.array(side, dtype=float) for side in pair)
    if not first.any() or not second.any():
        assert math.isnan(hellinger(first, second))
        return
    coefficient = np.sqrt(first / first.sum() * second / second.sum()).sum()  # Bhattacharyya's
    assert hellinger(first, second) == pytest.approx(math.sqrt(max(1 - coefficient, 0)), abs=1e-7)


@pytest.mark.parametrize("distance", [jensen_shannon, hellinger])
@pytest.mark.parametrize("move", MOVES)
def test_fifty_bins_see_most_of_what_a_thousand_see(distance: Callable[..., Any], move: str) -> None:
    reference, window = rows("normal", move)
    feature, found = counted(reference, window)
    edges = np.quantile(reference, np.linspace(0, 1, 1_001)[1:-1])
    fine = [np.bincount(np.searchsorted(edges, side), minlength=1_000) for side in (reference, window)]
    binned, raw = distance(feature.reference.counts, found.counts), distance(*fine)
    chance = math.sqrt(1_000 / (8 * 50_000))  # a thousand bins of 100,000 rows on either side: mostly chance
    assert binned <= raw + 1e-9
    assert binned >= raw - chance - 0.05 * raw


def test_categories_lose_nothing_in_counts() -> None:
    rng = np.random.default_rng(5)
    reference, window = rng.choice(list("abcdef"), 3_000).tolist(), rng.choice(list("abcde"), 700).tolist()
    feature, found = counted(reference, window, FieldKind.STRING)
    raw = [[side.count(letter) for letter in "abcdef"] for side in (reference, window)]
    assert jensen_shannon(feature.reference.counts, found.counts) == pytest.approx(jensenshannon(*raw))


@pytest.mark.parametrize("method", [kolmogorov_smirnov, chi_square])
def test_without_rows_there_is_no_p_value_and_odd_counts_are_refused(method: Callable[..., Any]) -> None:
    assert math.isnan(method([0, 0], [1, 2]).p_value)
    with pytest.raises(RefusedError):
        method([1, 2], [1, 2, 3])
    with pytest.raises(RefusedError):
        method([1, -2], [1, 2])
    with pytest.raises(RefusedError):
        proportions_z((1, -1), (1, 1))
