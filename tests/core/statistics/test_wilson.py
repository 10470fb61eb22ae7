"""A share's interval: statsmodels' numbers, and sense at the ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.wilson import wilson_interval


@given(n=st.integers(1, 5_000), share=st.floats(0, 1), confidence=st.sampled_from([0.8, 0.95, 0.99]))
def test_it_is_what_statsmodels_says(n: int, share: float, confidence: float) -> None:
    right = round(share * n)
    expected = proportion_confint(right, n, alpha=1 - confidence, method="wilson")
    assert wilson_interval(right / n, n, confidence=confidence) == pytest.approx(expected, abs=1e-9)


def test_a_share_of_one_still_leaves_room_below() -> None:
    low, high = wilson_interval(1.0, 20)
    assert low == pytest.approx(0.8389, abs=1e-4)
    assert high == 1.0


def test_no_rows_say_nothing() -> None:
    assert wilson_interval(0.5, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("share", "n", "confidence"), [(1.1, 5, 0.95), (0.5, -1, 0.95), (0.5, 5, 1.0)])
def test_what_is_no_share_is_refused(share: float, n: int, confidence: float) -> None:
    with pytest.raises(RefusedError):
        wilson_interval(share, n, confidence=confidence)
