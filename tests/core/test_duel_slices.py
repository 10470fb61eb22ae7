"""The slices of a comparison: the worst and the best, corrected for how many were looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.core.duel import Standing
from quarterdeck.core.duel_slices import FLOOR, SHOWN, slices_of


def test_a_slice_where_the_challenger_is_worse_is_found_and_comes_first() -> None:
    rng = np.random.default_rng(1)
    carrier = rng.choice(["AA", "DL", "UA"], 900).tolist()
    losses = np.array([0.5 if name == "UA" else -0.1 for name in carrier]) + 0.3 * rng.normal(size=900)
    found = slices_of({"carrier": carrier}, losses, alpha=0.05)
    first = found.shown[0]
    assert (first.name, first.standing, first.asked) == ("carrier=UA", Standing.WORSE, False)
    assert first.n == carrier.count("UA")
    assert first.interval is not None and first.interval[0] > 0
    assert [item.standing for item in found.shown[1:]] == [Standing.BETTER, Standing.BETTER]
    assert found.looked == 3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_swapping_the_models_flips_the_slices(seed: int) -> None:
    rng = np.random.default_rng(seed)
    column = rng.choice(["a", "b", "c", "d"], 400).tolist()
    losses = rng.normal(size=400) + 0.2
    there = slices_of({"x": column}, losses, alpha=0.05)
    back = slices_of({"x": column}, -losses, alpha=0.05)
    turned = {Standing.BETTER: Standing.WORSE, Standing.WORSE: Standing.BETTER, Standing.UNCLEAR: Standing.UNCLEAR}
    assert {item.name: turned[item.standing] for item in there.shown} == {i.name: i.standing for i in back.shown}
    assert {item.name: -item.difference for item in there.shown} == {i.name: i.difference for i in back.shown}


def test_equal_models_have_no_clear_slice_in_all_but_few_comparisons_however_many_there_are() -> None:
    wrong = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        columns = {name: rng.integers(0, 8, 800).tolist() for name in "abcd"}
        found = slices_of(columns, rng.normal(size=800), alpha=0.05)
        assert found.looked == 32
        wrong += any(item.standing is not Standing.UNCLEAR for item in found.shown)
    assert wrong / 200 <= 0.05


def test_slices_with_few_rows_are_left_out_but_count_in_the_correction() -> None:
    rng = np.random.default_rng(2)
    losses = rng.normal(size=200)
    two = slices_of({"x": ["a"] * 100 + ["b"] * 100}, losses, alpha=0.05)
    small = slices_of({"x": ["a"] * 100 + ["b"] * 71 + ["c"] * (FLOOR - 1)}, losses, alpha=0.05)
    assert (two.looked, small.looked) == (2, 2)
    first, same = (next(i for i in found.shown if i.value == "a").interval for found in (two, small))
    assert first is not None and same is not None
    assert same[0] < first[0] and first[1] < same[1]


def test_of_many_the_worst_and_the_best_are_shown_and_what_a_gate_asks_for() -> None:
    column = [f"v{place:02}" for place in range(12) for _ in range(100)]
    levels = np.repeat(np.linspace(-1, 1, 12), 100)
    losses = levels + 0.01 * np.tile([-1, 1], 600)
    plain = slices_of({"x": column}, losses, alpha=0.05)
    assert [item.value for item in plain.shown] == ["v11", "v10", "v09", "v02", "v01", "v00"]
    assert plain.looked == 12 and len(plain.shown) == 2 * SHOWN
    asked = slices_of({"x": column}, losses, alpha=0.05, asked={"x"})
    assert [item.value for item in asked.shown] == ["v11", "v10", "v09", "v08", "v07", "v06", "v02", "v01", "v00"]


def test_separate_arms_are_compared_slice_by_slice() -> None:
    rng = np.random.default_rng(3)
    side = np.repeat(np.array([0, 1], dtype=np.int8), [600, 300])
    column = rng.choice(["a", "b"], 900).tolist()
    worse = (side == 1) & (np.array(column) == "b")
    found = slices_of({"x": column}, rng.normal(size=900) + 2.0 * worse, side, alpha=0.05)
    assert [(item.value, item.standing) for item in found.shown] == [("b", Standing.WORSE), ("a", Standing.UNCLEAR)]
    assert found.shown[0].difference == pytest.approx(2.0, abs=0.3)


def test_numbers_are_cut_and_missing_values_are_a_slice() -> None:
    values = [float(place) for place in range(400)] + [None] * 50
    found = slices_of({"x": values}, np.ones(450), alpha=0.05)
    assert found.looked == 5
    assert {item.value for item in found.shown} >= {"(missing)"}


@pytest.mark.parametrize("columns", [{}, {"x": [None] * 100}, {"x": [[1]] * 100}])
def test_what_has_no_slices_gives_none(columns: dict[str, list[object]]) -> None:
    found = slices_of(columns, np.ones(100), alpha=0.05)
    assert (found.shown, found.looked) == ((), 0)
