"""Thresholds from the held-out rows' own spread: as wide as chance makes windows of that size, and no wider."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.performance.beliefs import Measure
from quarterdeck.core.performance.finding import is_worse
from quarterdeck.core.performance.number_measures import of_rows
from quarterdeck.core.performance.spread import MetricReference, chunks_of, learn_reference, range_of

REFERENCE = MetricReference(value=0.9, spread=0.3, between=0.0, n=1_000)


def test_a_larger_window_has_narrower_thresholds() -> None:
    widths = []
    for n in (50, 500, 5_000):
        low, high = REFERENCE.thresholds("log_loss", n)
        assert low is not None and high is not None
        widths.append(high - low)
        assert low == pytest.approx(max(0.0, 0.9 - 3 * 0.3 * math.sqrt(1 / n + 1 / 1_000)))
    assert widths == sorted(widths, reverse=True)


def test_thresholds_stay_within_what_the_metric_can_be() -> None:
    assert REFERENCE.thresholds("accuracy_score", 20)[1] == 1.0
    assert MetricReference(value=0.1, spread=1.0, between=None, n=50).thresholds("log_loss", 20)[0] == 0.0


def test_without_a_spread_there_are_none() -> None:
    assert MetricReference(value=0.9, spread=None, between=None, n=1).thresholds("log_loss", 50) == (None, None)
    assert REFERENCE.thresholds("log_loss", 0) == (None, None)


def test_many_slices_together_err_no_more_often_than_one_window() -> None:
    one, ten = REFERENCE.thresholds("log_loss", 500), REFERENCE.thresholds("log_loss", 500, looked=10)
    assert ten[0] < one[0] < one[1] < ten[1]
    assert (ten[1] - 0.9) / (one[1] - 0.9) == pytest.approx(3.642 / 3, rel=1e-3)  # 1 - 0.00135 / 10 of a normal


@given(n=st.integers(0, 100_000))
def test_chunks_are_all_rows_once_in_their_order_and_never_tiny(n: int) -> None:
    chunks = chunks_of(n)
    if n < 90:
        assert chunks == []
        return
    assert 3 <= len(chunks) <= 10
    assert chunks[0].start == 0 and chunks[-1].stop == n
    assert all(first.stop == second.start for first, second in pairwise(chunks))
    assert all(chunk.stop - chunk.start >= 29 for chunk in chunks)


def test_chunks_that_differ_by_chance_alone_have_next_to_no_unrest_and_others_have_theirs() -> None:
    def between(unrest: float) -> float:
        found = []
        for seed in range(60):
            rng = np.random.default_rng(seed)
            chunks = [of_rows(rng.normal(rng.normal(5, unrest), 1, 100)) for _ in range(10)]
            whole = of_rows(rng.normal(5, 1, 1_000))
            found.append(learn_reference(whole, list(chunks)).between or 0.0)
        return float(np.mean(found))

    assert between(0.0) < 0.04  # chance makes a chunk's mean stray by 0.1
    assert between(0.5) == pytest.approx(0.5, rel=0.15)


def test_too_few_chunks_tell_no_unrest() -> None:
    one = Measure(value=1.0, spread=0.1, n=50)
    assert learn_reference(one, [one, None, one]).between is None


def test_a_window_of_an_unchanged_model_is_seldom_beyond() -> None:
    beyond = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        held = rng.exponential(1.0, 600)
        reference = learn_reference(of_rows(held), [of_rows(part) for part in np.split(held, 10)])
        value = of_rows(rng.exponential(1.0, 200)).value
        low, high = reference.thresholds("mean_absolute_error", 200)
        beyond += is_worse("mean_absolute_error", value, low, high)
    assert beyond <= 6  # 3 standard deviations of something skewed: once in some hundred


def test_what_is_worse_depends_on_the_metric() -> None:
    assert is_worse("accuracy_score", 0.7, 0.8, 1.0)
    assert not is_worse("accuracy_score", 1.0, 0.8, 0.9)
    assert is_worse("mean_absolute_error", 3.0, 1.0, 2.0)
    assert not is_worse("mean_absolute_error", 0.5, 1.0, 2.0)
    assert not is_worse("mean_absolute_error", 3.0, None, None)


@pytest.mark.parametrize(
    ("name", "found"),
    [("r2_score", (-math.inf, 1.0)), ("roc_auc_score", (0.0, 1.0)), ("mean_absolute_error", (0.0, math.inf)),
     ("missed_delay_cost", (-math.inf, math.inf))],
)  # fmt: skip
def test_ranges(name: str, found: tuple[float, float]) -> None:
    assert range_of(name) == found
