"""DeLong's comparison of two AUCs: its definition, known identities, published values, and the bootstrap.

asah.csv holds the data of Turck and others 2010, Intensive Care Medicine 36:107-115: see asah() below.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.delong import paired_auc_difference

Floats = NDArray[np.float64]


def sample(seed: int, n: int, *, better: float = 1.0, worse: float = 1.0) -> tuple[NDArray[np.int_], Floats, Floats]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(int)
    shared = rng.normal(size=n)
    return y, better * y + shared + rng.normal(size=n), worse * y + shared + rng.normal(size=n)


def by_definition(y: NDArray[np.int_], first: Floats, second: Floats) -> tuple[float, float]:
    """Difference and variance from every pair of a positive and a negative, as DeLong wrote it."""
    kernels = []
    for score in (first, second):
        above = score[y == 1][:, None] - score[y == 0][None, :]
        kernels.append((above > 0) + 0.5 * (above == 0))
    contrast = kernels[0] - kernels[1]
    m, n = contrast.shape
    variance = contrast.mean(axis=1).var(ddof=1) / m + contrast.mean(axis=0).var(ddof=1) / n
    return float(contrast.mean()), float(variance)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("decimals", [1, 8])  # with 1 there are many ties
def test_the_fast_way_gives_what_the_definition_gives(seed: int, decimals: int) -> None:
    y, first, second = sample(seed, 150, better=1.5)
    first, second = first.round(decimals), second.round(decimals)
    found = paired_auc_difference(y, first, second)
    difference, variance = by_definition(y, first, second)
    assert found.difference == pytest.approx(difference)
    assert found.standard_error == pytest.approx(math.sqrt(variance))
    assert found.z == pytest.approx(difference / math.sqrt(variance))
    assert found.first == pytest.approx(roc_auc_score(y, first))
    assert found.second == pytest.approx(roc_auc_score(y, second))
    assert (found.positives, found.negatives) == (y.sum(), len(y) - y.sum())


def test_identical_curves_have_z_0_and_p_1() -> None:
    y, first, _ = sample(1, 100)
    for same in (first, 3 * first + 1, np.exp(first)):
        found = paired_auc_difference(y, first, same)
        assert (found.difference, found.z, found.p) == (0.0, 0.0, 1.0)


@given(st.integers(0, 1_000))
def test_swapping_the_curves_flips_the_sign_only(seed: int) -> None:
    y, first, second = sample(seed, 60)
    one, other = paired_auc_difference(y, first, second), paired_auc_difference(y, second, first)
    assert (one.difference, one.z) == (-other.difference, -other.z)
    assert (one.p, one.standard_error) == (other.p, other.standard_error)


def test_the_standard_error_is_the_bootstraps() -> None:
    y, first, second = sample(3, 600, better=1.5)
    rng = np.random.default_rng(0)
    resampled = []
    for _ in range(600):
        rows = rng.integers(0, len(y), len(y))
        resampled.append(roc_auc_score(y[rows], first[rows]) - roc_auc_score(y[rows], second[rows]))
    assert paired_auc_difference(y, first, second).standard_error == pytest.approx(np.std(resampled), rel=0.1)


def test_under_the_null_p_is_under_a_twentieth_in_a_twentieth_of_samples() -> None:
    below = [paired_auc_difference(*sample(seed, 150)).p < 0.05 for seed in range(1_000)]
    assert 0.03 < np.mean(below) < 0.07


def test_a_perfect_score_against_its_reverse_is_beyond_doubt() -> None:
    y = np.array([0, 0, 0, 1, 1])
    found = paired_auc_difference(y, y, -y)
    assert (found.difference, found.z, found.p) == (1.0, math.inf, 0.0)


@pytest.mark.parametrize(
    ("y", "score"),
    [([0, 1, 1], [1, 2, 3]), ([0, 0, 1, 1], [1, 2, 3, math.nan]), ([0, 0, 2, 2], [1, 2, 3, 4]), ([], [])],
)
def test_rows_that_cannot_be_compared_are_refused(y: list[int], score: list[float]) -> None:
    with pytest.raises(RefusedError):
        paired_auc_difference(y, score, score)


ASAH = Path(__file__).with_name("asah.csv")


def asah() -> dict[str, Floats]:
    """113 patients with aneurysmal subarachnoid haemorrhage: outcome (1 = poor) and three predictors of it.

    Turck and others 2010, "A multiparameter panel method for outcome prediction following aneurysmal
    subarachnoid hemorrhage", Intensive Care Medicine 36:107-115; as distributed with the R package pROC.
    """
    with ASAH.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 113
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


@pytest.mark.parametrize(
    ("first", "second", "z", "p", "interval"),
    [
        ("wfns", "s100b", 2.20898359, 0.02717578, (0.01040618, 0.17421442)),
        ("wfns", "ndka", 2.79777592, 0.00514558, (0.06340117, 0.36004056)),
        ("ndka", "s100b", -1.39077003, 0.16429518, (-0.28769174, 0.04887061)),
    ],
)
def test_the_values_of_proc_on_its_own_patients(
    first: str, second: str, z: float, p: float, interval: tuple[float, float]
) -> None:
    data = asah()
    found = paired_auc_difference(data["outcome"], data[first], data[second])
    assert found.z == pytest.approx(z, abs=5e-9)
    assert found.p == pytest.approx(p, abs=5e-9)
    assert found.interval(0.95) == pytest.approx(interval, abs=5e-9)
    assert (found.positives, found.negatives) == (41, 72)


def test_the_interval_mirrors_and_can_be_a_point() -> None:
    y, first, second = sample(5, 80)
    one, other = paired_auc_difference(y, first, second), paired_auc_difference(y, second, first)
    low, high = one.interval(0.9)
    assert other.interval(0.9) == (-high, -low)
    assert paired_auc_difference(y, first, first).interval() == (0.0, 0.0)
    for confidence in (0, 1, math.nan):
        with pytest.raises(RefusedError, match="confidence"):
            one.interval(confidence)
