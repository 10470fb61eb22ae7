"""Moments of two sets of values put together are those of all values."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.binning import take_moments
from quarterdeck.core.moments import Moments

values = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60)


@given(values, values)
def test_merged_moments_are_those_of_all_values(first: list[float], second: list[float]) -> None:
    a, b, both = (take_moments(np.array(part)) for part in (first, second, first + second))
    assert a is not None
    assert b is not None
    assert both is not None
    found = a.merge(b)
    assert (found.count, found.minimum, found.maximum) == (both.count, both.minimum, both.maximum)
    scale = max(abs(both.minimum), abs(both.maximum), 1.0)
    assert found.mean == pytest.approx(both.mean, rel=1e-9, abs=1e-9 * scale)
    assert found.m2 == pytest.approx(both.m2, rel=1e-9, abs=1e-9 * scale**2)


def test_a_small_spread_far_from_zero_is_not_lost() -> None:
    rng = np.random.default_rng(1)
    parts = [rng.normal(1e12, 1, 1_000) for _ in range(50)]
    found = take_moments(parts[0])
    assert found is not None
    for part in parts[1:]:
        other = take_moments(part)
        assert other is not None
        found = found.merge(other)
    assert found.deviation == pytest.approx(np.concatenate(parts).std(), rel=1e-3)


def test_missing_and_infinite_values_are_left_out() -> None:
    found = take_moments(np.array([np.nan, np.inf, 1.0, 3.0]))
    assert found is not None
    assert (found.count, found.mean, found.deviation) == (2, 2.0, 1.0)
    assert take_moments(np.array([np.nan])) is None
    assert Moments.from_list(json.loads(json.dumps(found.to_list()))) == found


def test_the_greatest_numbers_give_no_infinity() -> None:
    most = float(np.finfo(np.float64).max)
    found = take_moments(np.array([most, most, -most]))
    assert found is not None
    json.dumps(found.to_list(), allow_nan=False)
    json.dumps(found.merge(found).to_list(), allow_nan=False)
