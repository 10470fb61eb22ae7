"""Totals and ratios of all rows from rows drawn with known probabilities."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.inverse_probability import mean, ratio, total

rows = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.05, 1)), min_size=1, max_size=7)


@given(rows)
def test_over_all_samples_that_can_be_drawn_the_total_is_right_on_average(
    population: list[tuple[float, float]],
) -> None:
    """Not by simulation: each of the 2^n samples with its probability. Mean and variance are the population's."""
    truth = math.fsum(y for y, _ in population)
    expected = squared = said = 0.0
    for taken in itertools.product((False, True), repeat=len(population)):
        chance = math.prod(p if is_in else 1 - p for is_in, (_, p) in zip(taken, population, strict=True))
        sample = [row for is_in, row in zip(taken, population, strict=True) if is_in]
        found = total([y for y, _ in sample], [p for _, p in sample])
        expected += chance * found.value
        squared += chance * (found.value - truth) ** 2
        said += chance * found.standard_error**2
    assert expected == pytest.approx(truth, abs=1e-6)
    assert said == pytest.approx(squared, abs=1e-6)


def test_a_small_case_by_hand() -> None:
    """Two sure rows that are wrong and one of a tenth that is right stand for 12 rows, of which 10 are right."""
    found = mean([0, 0, 1], [1, 1, 0.1])
    assert found is not None and found.value == pytest.approx(10 / 12)
    # only the drawn row has an error: (1 - 0.1) / 0.01 * (1 - 10/12)^2 / 12^2
    assert found.standard_error == pytest.approx(math.sqrt(0.9 / 0.01 * (2 / 12) ** 2) / 12)


def test_rows_that_were_all_taken_have_no_error() -> None:
    found = mean([1.0, 0.0, 1.0, 1.0], [1.0] * 4)
    assert found is not None and (found.value, found.standard_error) == (0.75, 0.0)
    assert found.interval == (0.75, 0.75)


def test_a_ratio_without_anything_below_the_line_has_no_meaning() -> None:
    assert ratio([0.0], [0.0], [0.5]) is None
    assert mean([], []) is None


@pytest.mark.parametrize("p", [0.0, -0.1, 1.1, math.nan])
def test_a_probability_that_is_none_is_refused(p: float) -> None:
    with pytest.raises(RefusedError):
        mean([1.0], [p])
    with pytest.raises(RefusedError):
        total([1.0, 2.0], [0.5])
