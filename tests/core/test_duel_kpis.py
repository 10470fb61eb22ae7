"""A KPI of both: its standard error by resampling, its always-valid interval, and what that says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from quarterdeck.core.duel import Standing
from quarterdeck.core.duel_kpis import KpiAsked, KpiRows, Measured, measure, stand
from quarterdeck.core.metrics.kpi import Kpi
from quarterdeck.core.values import Direction


def mean_error(y_true: NDArray[Any], y_pred: NDArray[Any]) -> float:
    return float(np.abs(y_true - y_pred).mean())


ERROR = Kpi.of(mean_error)
LOWER = KpiAsked(name="mean_error", direction=Direction.LOWER)


def rows(seed: int, n: int, error: float) -> KpiRows:
    rng = np.random.default_rng(seed)
    return KpiRows(y_true=[0.0] * n, y_pred=(error + rng.normal(scale=0.1, size=n)).tolist())


def test_the_standard_error_of_a_mean_is_the_paired_one_and_of_separate_arms_that_of_two_means() -> None:
    rng = np.random.default_rng(1)
    shared, own = rng.normal(size=2_000), 0.1 * rng.normal(size=2_000)
    ours = KpiRows(y_true=[0.0] * 2_000, y_pred=(10 + shared).tolist())
    theirs = KpiRows(y_true=[0.0] * 2_000, y_pred=(10 + shared + own).tolist())
    paired = measure("k", ERROR, ours, theirs, paired=True)
    apart = measure("k", ERROR, ours, theirs, paired=False)
    assert paired.standard_error == pytest.approx(own.std() / math.sqrt(2_000), rel=0.25)
    assert apart.standard_error == pytest.approx(math.sqrt(2) / math.sqrt(2_000), rel=0.25)
    assert paired.champion == pytest.approx(np.mean(10 + shared))


def test_the_same_rows_give_the_same_figures() -> None:
    ours, theirs = rows(1, 300, 1.0), rows(2, 300, 1.1)
    assert measure("k", ERROR, ours, theirs, paired=True) == measure("k", ERROR, ours, theirs, paired=True)


@pytest.mark.parametrize(
    ("challenger", "direction", "standing"),
    [
        (2.0, Direction.LOWER, Standing.WORSE),
        (0.5, Direction.LOWER, Standing.BETTER),
        (1.0, Direction.LOWER, Standing.UNCLEAR),
        (2.0, Direction.HIGHER, Standing.BETTER),
    ],
)
def test_a_clear_difference_is_named_by_the_way_that_is_better(
    challenger: float, direction: Direction, standing: Standing
) -> None:
    found = measure("mean_error", ERROR, rows(1, 400, 1.0), rows(2, 400, challenger), paired=True)
    asked = KpiAsked(name="mean_error", direction=direction)
    (result,) = stand([found], [asked], alpha=0.05, minimum=100)
    assert result.standing is standing
    assert result.interval is not None and result.difference is not None
    assert result.interval[0] <= result.difference <= result.interval[1]


def test_within_the_margin_of_its_gate_it_is_not_worse() -> None:
    found = measure("mean_error", ERROR, rows(1, 400, 1.0), rows(2, 400, 1.2), paired=True)
    (strict,) = stand([found], [LOWER], alpha=0.05, minimum=100)
    allowed = KpiAsked(name="mean_error", direction=Direction.LOWER, margin=0.5)
    (lenient,) = stand([found], [allowed], alpha=0.05, minimum=100)
    assert (strict.standing, lenient.standing) == (Standing.WORSE, Standing.UNCLEAR)


def test_below_the_minimum_of_rows_there_is_no_interval() -> None:
    found = measure("mean_error", ERROR, rows(1, 99, 1.0), rows(2, 99, 5.0), paired=True)
    (result,) = stand([found], [LOWER], alpha=0.05, minimum=100)
    assert (result.interval, result.standing) == (None, Standing.UNCLEAR)
    assert result.difference == pytest.approx(4.0, abs=0.1)


def test_an_equal_kpi_is_called_worse_in_at_most_alpha_of_comparisons_looked_at_again_and_again() -> None:
    """The interval is that of a mean from its own standard error; one number a row stands for its influence."""
    alpha, wrong, naive, duels = 0.05, 0, 0, 400
    for seed in range(duels):
        x = np.random.default_rng(seed).exponential(size=1_000) - 1.0
        looks = [(n, float(x[:n].mean()), float(x[:n].std(ddof=1)) / math.sqrt(n)) for n in range(100, 1_001, 20)]
        found = [
            Measured(name="mean_error", n=n, champion=0.0, challenger=mean, standard_error=error)
            for n, mean, error in looks
        ]
        wrong += any(stand([f], [LOWER], alpha=alpha, minimum=100)[0].standing is not Standing.UNCLEAR for f in found)
        naive += any(abs(mean) > 1.96 * error for _, mean, error in looks)
    assert wrong / duels <= alpha
    assert naive / duels > 3 * alpha


def test_more_kpis_make_each_interval_wider() -> None:
    found = measure("mean_error", ERROR, rows(1, 400, 1.0), rows(2, 400, 1.0), paired=True)
    other = KpiAsked(name="other", direction=Direction.LOWER)
    (alone,) = stand([found], [LOWER], alpha=0.05, minimum=100)
    first, missing = stand([found], [LOWER, other], alpha=0.05, minimum=100)
    assert alone.interval is not None and first.interval is not None
    assert first.interval[0] < alone.interval[0]
    assert missing.problem == "it was not measured"


def test_a_kpi_may_take_the_rows() -> None:
    def weighted(y_true: Any, y_pred: Any, rows: pl.DataFrame) -> float:
        return float((np.abs(y_true - y_pred) * rows["weight"].to_numpy()).mean())

    frame = pl.DataFrame({"weight": [0.0] * 50 + [2.0] * 50})
    ours = KpiRows(y_true=[0.0] * 100, y_pred=[9.0] * 50 + [1.0] * 50, rows=frame)
    found = measure("k", Kpi.of(weighted), ours, ours, paired=True)
    assert (found.champion, found.challenger, found.standard_error) == (1.0, 1.0, 0.0)


def broken(y_true: Any, y_pred: Any) -> float:
    raise KeyError("tariff")


def on_few(y_true: Any, y_pred: Any) -> float:
    return 1.0 if len(set(y_pred.tolist())) == len(y_pred) else math.nan


@pytest.mark.parametrize(
    ("function", "says"),
    [(broken, "KeyError: 'tariff'"), (lambda a, b: math.inf, "inf and inf"), (on_few, "most samples")],
)
def test_a_kpi_that_fails_is_a_problem_and_no_error(function: Any, says: str) -> None:
    found = measure("k", Kpi.of(function), rows(1, 100, 1.0), rows(2, 100, 1.0), paired=True)
    assert found.problem is not None and says in found.problem
    (result,) = stand([found], [KpiAsked(name="k", direction=Direction.LOWER)], alpha=0.05, minimum=10)
    assert (result.difference, result.problem) == (None, found.problem)


def test_one_row_is_too_few_to_say_anything() -> None:
    assert measure("k", ERROR, rows(1, 1, 1.0), rows(2, 1, 1.0), paired=True).problem == "1 rows are too few"
