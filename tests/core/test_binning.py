"""Where the edges of bins lie, and that every value is counted once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.binning import (
    as_numbers,
    choose_categories,
    choose_edges,
    count_categories,
    count_numbers,
    count_outside,
)
from quarterdeck.core.errors import RefusedError

numbers = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200)


def test_many_values_are_cut_into_fifty_bins_of_equal_weight() -> None:
    values = np.random.default_rng(1).normal(size=10_000)
    edges = choose_edges(values)
    assert len(edges) == 49
    counts, missing = count_numbers(values, edges)
    assert (min(counts), max(counts), missing) == (200, 200, 0)


def test_few_values_get_a_bin_each_and_an_empty_one_on_either_side() -> None:
    values = np.array([1.0, 1.0, 2.0, 4.0])
    assert choose_edges(values) == (0.5, 1.5, 3.0, 4.5)
    assert count_numbers(values, choose_edges(values)) == ([0, 2, 1, 1, 0], 0)


@pytest.mark.parametrize("constant", [0.0, 0.1, -3.0, 1e12])
def test_a_constant_is_told_from_what_is_less_and_what_is_more(constant: float) -> None:
    edges = choose_edges(np.full(5, constant))
    near = np.array([constant, np.float32(constant), constant - 1e7, constant + 1e7])
    assert count_numbers(near, edges) == ([1, 2, 1], 0)


def test_a_heavy_value_does_not_leave_empty_bins() -> None:
    values = np.concatenate([np.zeros(600), np.arange(1.0, 401.0)])
    counts, _ = count_numbers(values, choose_edges(values))
    assert min(counts) > 0
    assert max(counts) >= 600


@given(numbers, st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=50))
def test_every_value_is_counted_once_whatever_it_is(reference: list[float], others: list[float]) -> None:
    edges = choose_edges(np.array(reference))
    assert list(edges) == sorted(set(edges))
    counts, missing = count_numbers(np.array(others, dtype=float), edges)
    assert len(counts) == len(edges) + 1
    assert sum(counts) + missing == len(others)
    assert missing == sum(math.isnan(value) for value in others)


def test_without_values_there_is_one_open_bin() -> None:
    assert choose_edges(np.array([])) == ()
    assert count_numbers(np.array([1.0, np.nan]), ()) == ([1], 1)


def test_outside_is_beyond_the_least_and_the_greatest() -> None:
    assert count_outside(np.array([0.0, 1.0, 1.5, -0.1, np.inf, np.nan]), 0.0, 1.0) == 3
    assert count_outside(np.array([0.0, np.nan]), None, None) == 1


def test_the_most_frequent_categories_are_chosen_and_ties_go_by_text() -> None:
    values = ["b", "a", "c", "c", None, float("nan")]
    assert choose_categories(values) == ("c", "a", "b")
    assert choose_categories(values, most=2) == ("c", "a")


def test_other_categories_are_counted_together_and_missing_ones_apart() -> None:
    values = ["a", "x", "y", None, "a", float("nan")]
    assert count_categories(values, ["a", "b"]) == ([2, 0, 2], 2)
    assert count_categories([], ["a"]) == ([0, 0], 0)


def test_a_column_of_something_else_is_refused_by_name() -> None:
    assert as_numbers([1, None, 2.5], "x").tolist()[::2] == [1.0, 2.5]
    with pytest.raises(RefusedError, match="x: the column holds what is no number"):
        as_numbers(["a"], "x")
    with pytest.raises(RefusedError, match="flat"):
        as_numbers([[1.0]], "x")
