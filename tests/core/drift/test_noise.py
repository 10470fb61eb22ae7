"""What chance reaches: rows of one source are called drifted as rarely as is said, in small windows too."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from quarterdeck.core.drift.hellinger import hellinger
from quarterdeck.core.drift.jensen_shannon import jensen_shannon
from quarterdeck.core.drift.noise import distance_noise
from quarterdeck.core.drift.wasserstein import wasserstein, wasserstein_noise
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import build_profile, count_column
from quarterdeck.core.values import Task

MEASURES = {"jensen_shannon": jensen_shannon, "hellinger": hellinger}


@pytest.mark.parametrize("method", MEASURES)
@pytest.mark.parametrize("n", [20, 50, 200, 1_000, 10_000])
@pytest.mark.parametrize("bins", [3, 20, 50])
def test_samples_of_one_source_stay_under_the_noise(method: str, n: int, bins: int) -> None:
    rng = np.random.default_rng(bins * n)
    shares = rng.dirichlet(np.full(bins, 1.0))
    reference = rng.multinomial(20_000, shares, size=2_000).astype(float)
    window = rng.multinomial(n, shares, size=2_000).astype(float)
    values = np.asarray(MEASURES[method](reference, window))
    beyond = np.mean(values > distance_noise(method, reference, window, quantile=0.99))
    assert beyond <= 0.02
    assert np.mean(values > distance_noise(method, reference, window, quantile=0.5)) > 0.1  # and it is not idle


@pytest.mark.parametrize("method", MEASURES)
def test_with_many_rows_it_is_the_chi_square(method: str) -> None:
    reference, window = np.full((1, 20), 50_000.0), np.full((1, 20), 5_000.0)
    level = float(distance_noise(method, reference, window, quantile=0.999)[0])
    assert level == pytest.approx(math.sqrt(stats.chi2.ppf(0.999, 20) * (1e-6 + 1e-5) / 8), rel=0.02)


def test_without_rows_nothing_is_beyond_chance() -> None:
    assert distance_noise("hellinger", np.zeros((1, 3)), np.ones((1, 3)), quantile=0.9)[0] == math.inf


@pytest.mark.parametrize("shape", ["normal", "lognormal", "uniform", "standard_t", "poisson"])
@pytest.mark.parametrize("n", [50, 1_000])
def test_wasserstein_of_one_source_stays_under_its_noise(shape: str, n: int) -> None:
    rng = np.random.default_rng(11)
    draw = {
        "normal": lambda size: rng.normal(0, 1, size),
        "lognormal": lambda size: rng.lognormal(0, 1.5, size),
        "uniform": lambda size: rng.random(size),
        "standard_t": lambda size: rng.standard_t(2.5, size),
        "poisson": lambda size: rng.poisson(4, size).astype(float),
    }[shape]
    signature = Signature(fields=(Field(name="x", kind=FieldKind.NUMBER),), task=Task.REGRESSION, target="y")
    feature = build_profile({"x": draw(50_000)}, signature).features[0]
    windows = [count_column(feature, draw(n)) for _ in range(1_000)]
    beyond = [wasserstein(feature, w) > wasserstein_noise(feature, w, quantile=0.99) for w in windows]
    assert np.mean(beyond) <= 0.02
    beyond = [wasserstein(feature, w) > wasserstein_noise(feature, w, quantile=0.99) / 5 for w in windows]
    assert np.mean(beyond) > 0.1


def test_one_value_far_out_is_no_drift_and_many_are() -> None:
    rng = np.random.default_rng(2)
    signature = Signature(fields=(Field(name="x", kind=FieldKind.NUMBER),), task=Task.REGRESSION, target="y")
    feature = build_profile({"x": rng.normal(size=10_000)}, signature).features[0]
    for far, drifted in ((1, False), (100, True)):
        window = count_column(feature, np.concatenate([rng.normal(size=200), np.full(far, 1e6)]))
        assert (wasserstein(feature, window) > wasserstein_noise(feature, window, quantile=0.999)) is drifted
