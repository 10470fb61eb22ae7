"""Gate verdicts: thresholds, the sum of all, and the way to JSON and back."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.gates import GateResult, judge_bound, overall
from quarterdeck.core.values import Direction, Outcome

finite = st.floats(allow_nan=False, allow_infinity=False)


def bound(value: float | None, *, n: int = 100, **limits: Any) -> GateResult:
    return judge_bound(metric="roc_auc_score", value=value, n=n, **limits)


@pytest.mark.parametrize(
    ("value", "limits", "outcome"),
    [
        (0.71, {"minimum": 0.7}, Outcome.PASS),
        (0.7, {"minimum": 0.7}, Outcome.PASS),
        (0.69, {"minimum": 0.7}, Outcome.FAIL),
        (120.0, {"maximum": 120.0}, Outcome.PASS),
        (120.5, {"maximum": 120.0}, Outcome.FAIL),
        (5.0, {"minimum": 1.0, "maximum": 4.0}, Outcome.FAIL),
        (math.inf, {"maximum": 4.0}, Outcome.FAIL),
        (-math.inf, {"maximum": 4.0}, Outcome.PASS),
    ],
)
def test_a_limit_passes_what_meets_it_and_fails_what_breaks_it(
    value: float, limits: dict[str, Any], outcome: Outcome
) -> None:
    assert bound(value, **limits).outcome is outcome


@pytest.mark.parametrize(("value", "n"), [(None, 100), (math.nan, 100), (0.9, 0)])
def test_a_missing_number_holds_and_never_passes(value: float | None, n: int) -> None:
    result = bound(value, n=n, minimum=0.7)
    assert result.outcome is Outcome.HOLD
    assert result.reason


def test_the_broken_limit_of_two_is_the_threshold_shown() -> None:
    result = bound(5.0, minimum=1.0, maximum=4.0)
    assert (result.threshold, result.direction) == (4.0, Direction.LOWER)
    assert result.gate == "roc_auc_score at least 1 and at most 4"


@pytest.mark.parametrize("limits", [{}, {"minimum": math.nan}, {"minimum": 2.0, "maximum": 1.0}])
def test_a_gate_without_a_limit_that_can_be_met_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(RefusedError):
        bound(0.5, **limits)


@given(st.one_of(st.none(), st.floats()), finite, st.integers(0, 10))
def test_a_pass_means_a_number_within_the_limit_on_some_rows(value: float | None, limit: float, n: int) -> None:
    passed = bound(value, n=n, minimum=limit).outcome is Outcome.PASS
    assert passed == (n > 0 and value is not None and value >= limit)


@given(st.one_of(st.none(), st.floats()), finite)
def test_a_result_survives_json_whatever_its_number(value: float | None, limit: float) -> None:
    result = bound(value, maximum=limit)
    text = json.dumps(result.to_json(), allow_nan=False)
    assert GateResult.from_json(json.loads(text)) == result


def test_an_interval_and_an_owner_survive_json() -> None:
    result = GateResult(
        gate="g",
        metric="m",
        outcome=Outcome.HOLD,
        statistic=0.1,
        threshold=0.2,
        direction=Direction.LOWER,
        n=7,
        reason="r",
        interval=(-0.1, 0.3),
        rows_needed=12,
        owner="network-operations",
    )
    assert GateResult.from_json(json.loads(json.dumps(result.to_json()))) == result


@given(st.lists(st.sampled_from(Outcome)))
def test_the_worst_outcome_is_the_overall_one(outcomes: list[Outcome]) -> None:
    values = {Outcome.PASS: 0.9, Outcome.FAIL: 0.1, Outcome.HOLD: None}
    results = [bound(values[outcome], minimum=0.5) for outcome in outcomes]
    order = [Outcome.FAIL, Outcome.HOLD, Outcome.PASS]
    assert overall(results) is min([*outcomes, Outcome.PASS], key=order.index)
