"""The e-value on discordant rows: its formula, its path, and what it still needs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.sequential_mcnemar import (
    State,
    discordant_needed,
    log_e_value,
    log_evidence,
    p_values,
)

answers = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60)


@pytest.mark.parametrize(
    ("b", "c", "e"),
    [
        (6, 0, 9.142857),
        (10, 0, 93.090909),
        (30, 10, 31.636906),
        (10, 10, 0.270260),
        (121, 59, 4730.9901),
        (70, 59, 0.174826),
    ],
)
def test_known_e_values(b: int, c: int, e: float) -> None:
    digits = 4 if e > 1000 else 6
    assert math.exp(log_e_value(b, c)) == pytest.approx(e, abs=0.5 * 10**-digits)


@given(st.integers(0, 30), st.integers(0, 30))
def test_it_is_the_likelihood_mixed_over_the_uniform(b: int, c: int) -> None:
    mixed = integrate.quad(lambda share: (2 * share) ** b * (2 * (1 - share)) ** c, 0, 1)[0]
    assert math.exp(log_e_value(b, c)) == pytest.approx(mixed)
    assert log_e_value(b, c) == pytest.approx(math.log(2.0 ** (b + c) / ((b + c + 1) * math.comb(b + c, b))), abs=1e-9)


@given(answers)
def test_the_path_is_the_value_after_each_row_and_p_never_rises(rows: list[tuple[bool, bool]]) -> None:
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    path = log_evidence(first, second)
    assert path.shape == (len(rows),)
    p, state = p_values(path), State()
    for k, (one, other) in enumerate(rows):
        before, state = state, state.add(one, other)
        assert path[k] == pytest.approx(log_e_value(state.b, state.c), abs=1e-12)
        assert state.p <= before.p
        assert p[k] == pytest.approx(state.p)
    assert (np.diff(p) <= 0).all()


@given(answers, st.integers(0, 60))
def test_the_same_rows_give_the_same_evidence_whatever_comes_later(rows: list[tuple[bool, bool]], cut: int) -> None:
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    np.testing.assert_array_equal(log_evidence(first, second)[:cut], log_evidence(first[:cut], second[:cut]))


@given(answers)
def test_swapping_the_models_flips_the_sign_only(rows: list[tuple[bool, bool]]) -> None:
    one, other = State(), State()
    for first, second in rows:
        one, other = one.add(first, second), other.add(second, first)
    assert one.sign == -other.sign
    assert one.p == other.p


def test_rows_without_difference_change_nothing() -> None:
    assert log_evidence([1, 0, 1], [1, 0, 1]).tolist() == [0, 0, 0]
    assert log_evidence([], []).tolist() == []
    assert p_values([]).tolist() == []
    assert State().add(True, True) == State()


def test_the_evidence_stays_finite() -> None:
    assert 600_000 < log_e_value(10**6, 0) < math.inf
    assert log_e_value(10**7, 10**7) < 0


@given(st.integers(0, 200), st.integers(0, 200), st.floats(0.001, 0.5))
def test_the_discordant_rows_needed_reach_the_bound(b: int, c: int, alpha: float) -> None:
    more = discordant_needed(b, c, alpha=alpha)
    if more is None:
        assert abs(b - c) <= 1 or b == c
        return
    share = b / (b + c) if b + c else 1.0
    total = b + c + more
    reached = log_e_value(round(total * share), total - round(total * share))
    if more == 0:
        assert log_e_value(b, c) >= math.log(1 / alpha)
    else:
        assert reached == pytest.approx(math.log(1 / alpha), abs=1.5)


def test_the_fewest_discordant_rows_by_hand() -> None:
    assert discordant_needed(0, 0, alpha=0.05) == 8
    assert 2**8 / 9 >= 20 > 2**7 / 8
    assert discordant_needed(30, 10, alpha=0.05) == 0
    assert discordant_needed(5, 5, alpha=0.05) is None


def test_what_has_no_meaning_is_refused() -> None:
    with pytest.raises(RefusedError, match="count rows"):
        log_e_value(-1, 2)
    with pytest.raises(RefusedError, match="right"):
        log_evidence([1, 0], [1, math.nan])
    with pytest.raises(RefusedError):
        log_evidence([1, 0], [1])
    with pytest.raises(RefusedError, match="NaN"):
        p_values([0.0, math.nan])
    with pytest.raises(RefusedError, match="alpha"):
        discordant_needed(1, 2, alpha=2)
