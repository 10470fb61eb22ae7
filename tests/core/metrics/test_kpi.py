"""A KPI is a function of two or three parameters; anything else is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.kpi import Kpi


def two(y_true: Any, y_pred: Any) -> float:
    return 2.0


def three(y_true: Any, y_pred: Any, rows: Any) -> float:
    return float(len(rows))


def optional(y_true: Any, y_pred: Any, rows: Any = None, weight: float = 3.0) -> float:
    return weight


def weighted(y_true: Any, y_pred: Any, weight: float = 4.0) -> float:
    return weight


def keyword(y_true: Any, y_pred: Any, *, weight: float) -> float:
    return weight


def other(y_true: Any, y_pred: Any, frame: Any) -> float:
    return 1.0


def one(y_true: Any) -> float:
    return 1.0


def four(y_true: Any, y_pred: Any, rows: Any, more: Any) -> float:
    return 1.0


@pytest.mark.parametrize(("function", "takes"), [(two, False), (three, True), (optional, True), (weighted, False)])
def test_the_third_parameter_rows_says_that_it_takes_the_rows(function: Callable[..., float], takes: bool) -> None:
    assert Kpi.of(function).takes_rows is takes


def test_the_rows_reach_those_that_take_them_alone() -> None:
    assert Kpi.of(three)([1], [1], ["a", "b"]) == 2.0
    assert Kpi.of(two)([1], [1], ["a", "b"]) == 2.0
    assert Kpi.of(weighted)([1], [1], ["a", "b"]) == 4.0


@pytest.mark.parametrize("function", [keyword, other, one, four, lambda *rows: 1.0, lambda y_true, y_pred, **more: 1.0])
def test_another_signature_is_refused_with_the_forms_there_are(function: Callable[..., float]) -> None:
    with pytest.raises(RefusedError, match="cost is no KPI") as caught:
        Kpi.of(function, name="cost")
    assert caught.value.hint == "write def cost(y_true, y_pred) or def cost(y_true, y_pred, rows)"
