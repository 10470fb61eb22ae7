"""A user's KPI on a window's rows: whatever it does, there is a figure or a reason."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from quarterdeck.core.metrics.kpi import Kpi
from quarterdeck.core.performance.kpi import figure

TRUTH = [0, 1] * 100
ANSWERS = [0, 1, 1, 1] * 50


def cost(y_true: Any, y_pred: Any) -> float:
    return float((y_true != y_pred).mean())


def test_it_is_the_functions_number_with_the_bootstraps_error() -> None:
    found = figure("cost", Kpi.of(cost), TRUTH, ANSWERS)
    assert (found.value, found.n, found.problem) == (0.25, 200, None)
    assert found.standard_error == pytest.approx(math.sqrt(0.25 * 0.75 / 200), rel=0.25)
    assert figure("cost", Kpi.of(cost), TRUTH, ANSWERS) == found


def test_it_may_take_the_rows() -> None:
    def weighted(y_true: Any, y_pred: Any, rows: pl.DataFrame) -> float:
        return float(np.average(y_true != y_pred, weights=rows["passengers"].to_numpy()))

    rows = pl.DataFrame({"passengers": [1, 1, 3, 1] * 50})
    assert figure("weighted", Kpi.of(weighted), TRUTH, ANSWERS, rows).value == pytest.approx(0.5)


def test_what_it_raises_and_what_is_no_number_are_its_problem() -> None:
    def raises(y_true: Any, y_pred: Any) -> float:
        raise KeyError("tariff")

    assert figure("raises", Kpi.of(raises), TRUTH, ANSWERS).problem == "KeyError: 'tariff'"
    nothing = figure("nothing", Kpi.of(lambda y_true, y_pred: math.nan), TRUTH, ANSWERS)
    assert (nothing.value, nothing.problem) == (None, "it is nan, no number")


def test_a_figure_that_has_no_number_on_most_samples_has_no_error() -> None:
    def only_whole(y_true: Any, y_pred: Any) -> float:
        return 1.0 if int(y_true.sum()) == 100 else math.nan

    found = figure("whole", Kpi.of(only_whole), TRUTH, ANSWERS)
    assert (found.value, found.standard_error) == (1.0, None)
