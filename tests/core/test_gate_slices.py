"""A gate in every slice: the worst decides, corrected for how many there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.gate_slices import judge_bound_by_interval, judge_in_slices
from quarterdeck.core.gates import GateResult, judge_bound
from quarterdeck.core.metrics.intervals import Estimate, estimate, take
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.metrics.slice_cuts import cut_column
from quarterdeck.core.values import Outcome, Task

BLANK = judge_bound(metric="mean_absolute_error", value=None, n=0, maximum=1.0)


def _judge(column: list[str], errors: list[float], *, rows: int = 5, confidence: float = 0.95) -> GateResult:
    frame = pl.DataFrame({"c": column})
    cut = cut_column(frame, "c")
    checked = Rows.check(Task.REGRESSION, np.zeros(len(errors)), errors)

    def judge(chosen: np.ndarray, corrected: float) -> GateResult:
        found = estimate("mean_absolute_error", take(checked, chosen), confidence=corrected)
        return judge_bound_by_interval(
            metric="mean_absolute_error", found=found, n=len(chosen), confidence=corrected, maximum=1.0
        )

    return judge_in_slices(judge, cut, cut.codes(frame), rows=rows, confidence=confidence, blank=BLANK)


def test_it_passes_where_every_slice_does_and_names_the_worst() -> None:
    found = _judge(["a"] * 10 + ["b"] * 10 + ["d"] * 2, [0.5] * 10 + [0.9] * 10 + [9.0] * 2)
    assert found.outcome is Outcome.PASS
    assert found.slice == "c = b"
    assert (found.statistic, found.threshold, found.n) == (0.9, 1.0, 10)
    assert found.gate == "mean_absolute_error at most 1 in every c"
    assert "the worst of 2; 1 with fewer than 5 rows not judged" in found.reason


def test_one_slice_beyond_the_limit_beyond_chance_fails_the_gate() -> None:
    found = _judge(["a"] * 30 + ["b"] * 30, [0.1] * 30 + [2.0, 2.2] * 15)
    assert found.outcome is Outcome.FAIL
    assert found.slice == "c = b"
    assert "1 fail" in found.reason


def test_a_slice_beyond_the_limit_within_chance_holds_and_says_how_many_rows_are_needed() -> None:
    found = _judge(["a"] * 30 + ["b"] * 8, [0.1] * 30 + [0.2, 2.4] * 4)
    assert found.outcome is Outcome.HOLD
    assert found.rows_needed is not None and found.rows_needed > 0
    assert "not enough to tell" in found.reason


def test_without_a_slice_of_enough_rows_it_holds_with_the_rows_that_lack() -> None:
    found = _judge(["a", "b", "b"], [0.1, 0.1, 0.1])
    assert (found.outcome, found.rows_needed, found.n) == (Outcome.HOLD, 3, 2)


def test_the_confidence_is_shared_among_the_slices() -> None:
    asked = []

    def judge(chosen: np.ndarray, corrected: float) -> GateResult:
        asked.append(corrected)
        return replace(BLANK, outcome=Outcome.PASS)

    frame = pl.DataFrame({"c": list("aabbccddee")})
    cut = cut_column(frame, "c")
    judge_in_slices(judge, cut, cut.codes(frame), rows=2, confidence=0.95, blank=BLANK)
    assert asked == pytest.approx([0.99] * 5)


def test_equal_slices_at_the_limit_fail_by_chance_no_oftener_than_is_asked() -> None:
    """Twelve slices whose true error is the limit: without the correction, half of such gates would fail."""
    rng = np.random.default_rng(0)
    column = [name for name in "abcdefghijkl" for _ in range(60)]
    failed = sum(
        _judge(column, rng.gamma(4.0, 0.25, 720).tolist(), rows=10).outcome is Outcome.FAIL for _ in range(200)
    )
    assert failed <= 17  # 5 % of 200 and two standard deviations


@given(st.floats(-5, 5), st.floats(0.001, 3), st.floats(-5, 5))
def test_a_limit_is_judged_by_the_value_until_it_is_broken_and_then_by_the_bound(
    value: float, width: float, limit: float
) -> None:
    found = Estimate(value=value, interval=(value - width, value + width), standard_error=width / 2, n=50)
    low = judge_bound_by_interval(metric="a", found=found, n=50, confidence=0.95, minimum=limit)
    high = judge_bound_by_interval(metric="a", found=found, n=50, confidence=0.95, maximum=limit)
    assert (low.outcome is Outcome.PASS) == (value >= limit)
    assert (high.outcome is Outcome.PASS) == (value <= limit)
    assert (low.outcome is Outcome.FAIL) == (value + width < limit)
    assert (high.outcome is Outcome.FAIL) == (value - width > limit)


def test_a_value_beyond_the_limit_without_an_interval_holds() -> None:
    found = Estimate(value=3.0, interval=None, standard_error=None, n=1)
    result = judge_bound_by_interval(metric="a", found=found, n=1, confidence=0.95, maximum=1.0)
    assert result.outcome is Outcome.HOLD
    assert judge_bound_by_interval(metric="a", found=None, n=5, confidence=0.95, maximum=1.0).outcome is Outcome.HOLD


def test_older_records_and_newer_ones_are_read() -> None:
    found = _judge(["a"] * 10, [0.5] * 10)
    kept = found.to_json()
    assert GateResult.from_json(kept) == found
    older = {key: value for key, value in kept.items() if key not in ("slice", "key")}
    assert GateResult.from_json(older) == replace(found, slice=None, key=None)
    assert GateResult.from_json(kept | {"of a later version": 1}) == found
