"""P(B > A) of two Betas: a known value, closed forms, and narrow beside wide."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.beta_comparison import BetaRate, probability_greater


def beta(a: float, b: float) -> BetaRate:
    return BetaRate(a=a, b=b)


def test_a_known_case() -> None:
    assert probability_greater(beta(121, 881), beta(101, 901)) == pytest.approx(0.92318344, abs=5e-9)


def by_sum(second: BetaRate, first: BetaRate) -> float:
    """The closed form for a whole `a` of the second: a sum over its values."""
    i = np.arange(int(second.a))
    logs = (
        special.betaln(first.a + i, second.b + first.b)
        - np.log(second.b + i)
        - special.betaln(1 + i, second.b)
        - special.betaln(first.a, first.b)
    )
    return float(np.exp(logs).sum())


@settings(max_examples=40)
@given(st.integers(1, 300), st.floats(0.5, 300), st.floats(0.5, 300), st.floats(0.5, 300))
def test_it_is_the_closed_form(a2: int, b2: float, a1: float, b1: float) -> None:
    second, first = beta(a2, b2), beta(a1, b1)
    assert probability_greater(second, first) == pytest.approx(by_sum(second, first), abs=1e-9)


@settings(max_examples=40)
@given(*[st.floats(0.1, 1e5)] * 4)
def test_swapping_gives_one_less_it(a2: float, b2: float, a1: float, b1: float) -> None:
    second, first = beta(a2, b2), beta(a1, b1)
    there, back = probability_greater(second, first), probability_greater(first, second)
    assert 0 <= there <= 1
    assert there + back == pytest.approx(1, abs=1e-8)


def test_a_narrow_distribution_beside_a_wide_one_is_not_missed() -> None:
    wide, narrow = beta(1, 1), beta(3e6, 7e6)
    assert probability_greater(wide, narrow) == pytest.approx(0.7, abs=1e-6)
    assert probability_greater(narrow, wide) == pytest.approx(0.3, abs=1e-6)
    assert probability_greater(beta(1e6, 1e6), beta(3e6, 7e6)) == 1.0
    assert probability_greater(wide, beta(1, 1)) == 0.5


def test_it_counts_from_rows() -> None:
    assert BetaRate.of_counts(3, 10) == beta(4, 8)
    assert BetaRate.of_counts(0, 0).mean == 0.5
    with pytest.raises(RefusedError, match="4 events in 3 rows"):
        BetaRate.of_counts(4, 3)
    for a, b in ((0, 1), (1, -1), (math.nan, 1), (1, math.inf)):
        with pytest.raises(RefusedError, match="no Beta"):
            beta(a, b)
