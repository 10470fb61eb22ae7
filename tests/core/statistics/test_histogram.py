"""Quantiles from buckets: within their error of numpy's, however the values were divided among processes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.statistics.histogram import BITS, ERROR, Histogram

VALUES = st.lists(st.integers(0, 10**9), min_size=1, max_size=300)
SHARES = st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0])


@given(VALUES, SHARES)
def test_a_quantile_is_numpys_within_the_error(values: list[int], share: float) -> None:
    exact = int(np.quantile(values, share, method="inverted_cdf"))
    found = Histogram(values).quantile(share)
    assert found is not None
    assert exact <= found <= exact * (1 + ERROR)


@given(VALUES, VALUES, SHARES)
def test_parts_that_are_merged_are_the_whole(first: list[int], second: list[int], share: float) -> None:
    merged, whole = Histogram(first), Histogram(first + second)
    merged.merge(Histogram(second))
    assert merged.to_json() == whole.to_json()
    assert merged.quantile(share) == whole.quantile(share)
    assert (merged.n, merged.greatest) == (len(first) + len(second), max(first + second))
    assert merged.mean == pytest.approx(np.mean(first + second))


@given(VALUES)
def test_a_histogram_survives_its_json(values: list[int]) -> None:
    data = Histogram(values).to_json()
    assert Histogram.from_json(json.loads(json.dumps(data))).to_json() == data


@given(st.integers(0, 2**BITS - 1))
def test_small_values_are_exact(value: int) -> None:
    assert Histogram([value, 10**9]).quantile(0.5) == value


def test_without_values_there_is_no_quantile() -> None:
    assert (Histogram().quantile(0.5), Histogram().mean) == (None, None)


def test_what_a_clock_that_stepped_back_gives_counts_as_nothing() -> None:
    assert Histogram([-5]).quantile(1.0) == 0


def test_other_buckets_are_refused() -> None:
    with pytest.raises(ValueError, match="bits"):
        Histogram.from_json(Histogram([1]).to_json() | {"bits": 4})
