"""Calibration: by hand, against scikit-learn's curve, and for probabilities that are right."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.calibration import Binning, reliability, top_label_reliability

rows = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60)


def test_by_hand() -> None:
    found = reliability([0, 1, 1, 0], [0.1, 0.3, 0.9, 0.7], bins=2)
    assert found.edges == (0.0, 0.5, 1.0)
    assert found.counts == (2, 2)
    assert found.predicted == pytest.approx((0.2, 0.8))
    assert found.observed == (0.5, 0.5)
    assert found.expected_calibration_error == pytest.approx(0.3)
    uneven = reliability([1, 1, 1, 0], [0.1, 0.9, 0.9, 0.9], bins=2)
    assert uneven.expected_calibration_error == pytest.approx(0.25 * 0.9 + 0.75 * (0.9 - 2 / 3))
    assert uneven.maximum_calibration_error == pytest.approx(0.9)


@given(rows, st.sampled_from(Binning), st.integers(1, 12))
def test_the_bins_with_rows_are_scikit_learns_curve(data: list[tuple[bool, float]], binning: Binning, k: int) -> None:
    y, p = np.array([row[0] for row in data]), np.array([row[1] for row in data])
    found = reliability(y, p, bins=k, binning=binning)
    assert sum(found.counts) == found.n == len(y)
    assert 0 <= found.expected_calibration_error <= found.maximum_calibration_error + 1e-12 <= 1 + 1e-9
    edges = np.quantile(p, np.linspace(0, 1, k + 1))
    if (
        binning is Binning.EQUAL_MASS
        and (
            len(np.unique(edges)) < k + 1  # theirs keeps bins of no width
            or np.isclose(p[:, None], edges[1:-1], rtol=1e-9, atol=0).any()  # and rounds edges on a row either way
        )
    ):
        return
    observed, predicted = calibration_curve(
        y, p, n_bins=k, strategy="uniform" if binning is Binning.EQUAL_WIDTH else "quantile", pos_label=True
    )
    assert [value for value in found.observed if value is not None] == pytest.approx(observed.tolist())
    assert [value for value in found.predicted if value is not None] == pytest.approx(predicted.tolist())


def test_right_probabilities_have_little_error_and_squeezed_ones_much() -> None:
    rng = np.random.default_rng(1)
    p = rng.random(50_000)
    y = rng.random(50_000) < p
    for binning in Binning:
        assert reliability(y, p, binning=binning).expected_calibration_error < 0.01
        assert reliability(y, 0.5 + (p - 0.5) / 2, binning=binning).expected_calibration_error > 0.1
    masses = reliability(y, p, binning=Binning.EQUAL_MASS).counts
    assert max(masses) - min(masses) <= 1


def test_the_top_label_of_several_classes() -> None:
    p = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.4, 0.4, 0.2], [0.0, 0.1, 0.9]]
    found = top_label_reliability([0, 1, 1, 0], p, bins=2)
    assert found.counts == (1, 3)
    assert found.predicted == pytest.approx((0.4, 0.8))
    assert found.observed == pytest.approx((0.0, 2 / 3))  # of two equal columns the first is named
    binary = np.array([0.9, 0.2, 0.6])
    both = top_label_reliability([1, 0, 0], np.column_stack([1 - binary, binary]))
    assert both == reliability([1, 1, 0], [0.9, 0.8, 0.6])


def test_constant_and_tiny_input() -> None:
    assert reliability([1], [1.0]).expected_calibration_error == 0
    assert reliability([1], [0.0]).maximum_calibration_error == 1
    same = reliability([0, 1, 1], [0.3] * 3, binning=Binning.EQUAL_MASS)
    assert (same.counts, same.edges) == ((3,), (0.3, 0.3))
    assert same.expected_calibration_error == pytest.approx(2 / 3 - 0.3)
    empty_bins = reliability([0, 1], [0.05, 0.06])
    assert empty_bins.observed == (0.5,) + (None,) * 9


@given(rows, st.sampled_from(Binning))
def test_it_goes_through_json(data: list[tuple[bool, float]], binning: Binning) -> None:
    found = reliability([row[0] for row in data], [row[1] for row in data], binning=binning)
    assert json.loads(json.dumps(found.to_json(), allow_nan=False)) == found.to_json()
    assert len(found.edges) == len(found.counts) + 1 == len(found.predicted) + 1 == len(found.observed) + 1


def test_what_has_no_meaning_is_refused() -> None:
    for y, p in (([], []), ([1], [1.2]), ([1], [math.nan]), ([2], [0.5]), ([0, 1], [0.5]), ([[1]], [[0.5]])):
        with pytest.raises(RefusedError):
            reliability(y, p)
    with pytest.raises(RefusedError, match="bins"):
        reliability([1], [0.5], bins=0)
    for label, row in ((0, [0.5, 0.2]), (2, [0.5, 0.5]), (0, [1.0]), (0, [math.nan, 1.0])):
        with pytest.raises(RefusedError):
            top_label_reliability([label], [row])
