"""Labelled metrics with intervals: scikit-learn's values, and the coverage that they promise."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk
from statsmodels.stats.proportion import proportion_confint

from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.performance.labelled import average_precision, measure_labelled
from quarterdeck.core.performance.number_measures import median_interval
from quarterdeck.core.values import Task


def regression(seed: int, n: int = 200) -> Rows:
    rng = np.random.default_rng(seed)
    y = rng.normal(10, 3, n)
    return Rows.check(Task.REGRESSION, y, y + rng.normal(0, 1, n))


def test_numbers_are_scikit_learns() -> None:
    rows = regression(0)
    found = {name: item.measure.value for name, item in measure_labelled(rows).items()}
    assert found == pytest.approx(
        {
            "mean_absolute_error": sk.mean_absolute_error(rows.y, rows.score),
            "root_mean_squared_error": sk.root_mean_squared_error(rows.y, rows.score),
            "mean_squared_error": sk.mean_squared_error(rows.y, rows.score),
            "median_absolute_error": sk.median_absolute_error(rows.y, rows.score),
            "r2_score": sk.r2_score(rows.y, rows.score),
        }
    )


TRUTH = {
    "mean_absolute_error": np.sqrt(2 / np.pi),
    "root_mean_squared_error": 1.0,
    "mean_squared_error": 1.0,
    "median_absolute_error": 0.6744897501960817,
    "r2_score": 1 - 1 / 9,
}


@pytest.mark.parametrize("name", TRUTH)
def test_about_95_of_100_intervals_hold_the_truth(name: str) -> None:
    inside = 0
    for seed in range(400):
        low, high = measure_labelled(regression(seed))[name].interval
        inside += low <= TRUTH[name] <= high
    assert 0.91 <= inside / 400 <= 0.985


def test_shares_have_wilsons_interval() -> None:
    rng = np.random.default_rng(3)
    score = rng.uniform(size=150)
    y = (rng.uniform(size=150) < score).astype(int)
    found = measure_labelled(Rows.check(Task.BINARY, y, score))
    named = score >= 0.5
    for name, right, of in (
        ("accuracy_score", int((named == y).sum()), 150),
        ("precision_score", int((named & (y == 1)).sum()), int(named.sum())),
        ("recall_score", int((named & (y == 1)).sum()), int(y.sum())),
        ("specificity_score", int((~named & (y == 0)).sum()), int((y == 0).sum())),
    ):
        assert found[name].interval == pytest.approx(proportion_confint(right, of, method="wilson"))


@pytest.mark.parametrize("seed", range(5))
def test_the_average_precision_is_scikit_learns_also_with_equal_scores(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.uniform(size=300).round(1)
    y = (rng.uniform(size=300) < score).astype(int)
    assert average_precision(y, score) == pytest.approx(sk.average_precision_score(y, score))


def test_the_average_precisions_error_is_scaled_where_only_a_part_is_resampled() -> None:
    rng = np.random.default_rng(0)
    score = rng.uniform(size=20_000)
    y = (rng.uniform(size=20_000) < score).astype(int)
    many = measure_labelled(Rows.check(Task.BINARY, y, score))["average_precision_score"].measure.standard_error
    few = measure_labelled(Rows.check(Task.BINARY, y[:5_000], score[:5_000]))["average_precision_score"].measure
    assert many == pytest.approx(few.standard_error / 2, rel=0.3)


def test_one_row_has_no_interval() -> None:
    found = measure_labelled(Rows.check(Task.REGRESSION, [1.0], [1.5]))
    assert found["mean_absolute_error"].measure.value == 0.5
    assert found["mean_absolute_error"].interval is None
    assert "r2_score" not in found


def test_the_medians_interval_is_of_two_values_that_are_there() -> None:
    values = np.arange(1.0, 101.0)
    assert median_interval(values) == (40.0, 61.0)
    assert median_interval(np.array([3.0, 1.0])) == (1.0, 3.0)
