"""Looked at after every observation: every sequential test errs in at most alpha of 2,000 streams under the null.

Beside each stands what a fixed-sample test does that is looked at as often. The bound has no allowance for the
simulation's noise: the tests' guarantee holds for endless streams, and these end.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from quarterdeck.core.statistics import msprt, sequential_mcnemar, t_mixture
from quarterdeck.core.statistics.two_arms import two_arm_sequence

STREAMS, ROWS, ALPHA = 2_000, 1_000, 0.05
FIRST_NAIVE_LOOK = 10  # where even a careful reader of z-tests would begin
Floats = NDArray[np.float64]
Source = Callable[[np.random.Generator, tuple[int, int]], Floats]


def naive_z(x: Floats) -> float:
    """The share of streams in which a z-test on the rows so far says p <= 0.05 at any look."""
    n = np.arange(1, x.shape[1] + 1)
    mean = np.cumsum(x, axis=1) / n
    variance = np.maximum(np.cumsum(x**2, axis=1) / n - mean**2, 1e-12)
    z = np.abs(mean) * np.sqrt(n / variance)
    return float((z[:, FIRST_NAIVE_LOOK - 1 :] >= 1.959964).any(axis=1).mean())


def judge(name: str, rejected: Floats | list[bool], naive: float) -> None:
    share = float(np.mean(rejected))
    figures = f"{name}: {share:.4f} of {STREAMS} null streams rejected at alpha {ALPHA}; looked at naively {naive:.4f}"
    print(figures)
    assert 0 < share <= ALPHA, figures
    assert naive > 4 * ALPHA, figures


@pytest.mark.parametrize("discordant", [0.1, 1.0])
def test_sequential_mcnemar(discordant: float) -> None:
    rng = np.random.default_rng(21)
    differ, first_right = rng.random((STREAMS, ROWS)) < discordant, rng.random((STREAMS, ROWS)) < 0.5
    second_right = first_right ^ differ
    paths = [sequential_mcnemar.log_evidence(a, b) for a, b in zip(first_right, second_right, strict=True)]
    rejected = [bool(sequential_mcnemar.p_values(path)[-1] <= ALPHA) for path in paths]
    b = np.cumsum(first_right & ~second_right, axis=1)
    c = np.cumsum(~first_right & second_right, axis=1)
    chi_square = (b - c) ** 2 / np.maximum(b + c, 1)
    naive = ((chi_square >= 3.841459) & (b + c >= FIRST_NAIVE_LOOK)).any(axis=1).mean()
    judge(f"sequential McNemar, {discordant:.0%} of rows discordant", rejected, float(naive))


def test_msprt_with_known_variance() -> None:
    x = np.random.default_rng(22).normal(0.0, 2.0, (STREAMS, ROWS))
    peaks = np.array([msprt.log_evidence(row, variance=4.0, tau2=0.2).max() for row in x])
    judge("mSPRT", peaks >= math.log(1 / ALPHA), naive_z(x))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("normal", lambda rng, size: rng.normal(0, 3, size)),
        ("Laplace", lambda rng, size: rng.laplace(0, 1, size)),
        ("differences of failures", lambda rng, size: rng.choice([-1.0, 0.0, 0.0, 1.0], size)),
    ],
)
def test_t_mixture_from_its_first_row(name: str, source: Source) -> None:
    x = source(np.random.default_rng(23), (STREAMS, ROWS))
    peaks = np.array([t_mixture.log_evidence(row, g=0.05).max() for row in x])
    judge(f"t-mixture, {name}", peaks >= math.log(1 / ALPHA), naive_z(x))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("normal", lambda rng, size: rng.normal(5, 3, size)),
        ("lognormal", lambda rng, size: rng.lognormal(0, 1, size)),
    ],
)
def test_two_arms(name: str, source: Source) -> None:
    rng = np.random.default_rng(24)
    first, second = source(rng, (STREAMS, ROWS)), source(rng, (STREAMS, ROWS))
    rejected = [two_arm_sequence(a, b, alpha=ALPHA, minimum=20).p <= ALPHA for a, b in zip(first, second, strict=True)]
    judge(f"two arms, {name}", rejected, naive_z(second - first))


@pytest.mark.parametrize("ratio", [1, 4])
def test_two_arms_of_failures(ratio: int) -> None:
    rng, rows = np.random.default_rng(25), ROWS // 2
    first = (rng.random((STREAMS, rows * ratio)) < 0.2).astype(np.float64)
    second = (rng.random((STREAMS, rows)) < 0.2).astype(np.float64)
    rejected = [
        two_arm_sequence(a, b, alpha=ALPHA, minimum=20, bounds=(0, 1), ratio=ratio).p <= ALPHA
        for a, b in zip(first, second, strict=True)
    ]
    naive = naive_z(second - first.reshape(STREAMS, rows, ratio).mean(axis=2))
    judge(f"two arms of failures, {ratio} : 1", rejected, naive)
