"""Benjamini-Hochberg: statsmodels, its definition, and how many false discoveries there are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.false_discovery import control_false_discoveries

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(p_values, st.booleans())
def test_statsmodels_says_the_same(p: list[float], dependent: bool) -> None:
    found = control_false_discoveries(p, rate=0.1, any_dependence=dependent)
    _, q, _, _ = multipletests(p, alpha=0.1, method="fdr_by" if dependent else "fdr_bh")
    assert found.q_values == pytest.approx(q)
    assert found.rejected == tuple(value <= 0.1 for value in found.q_values)
    assert all(q >= value - 1e-12 for q, value in zip(found.q_values, p, strict=True))


@given(p_values, st.randoms(use_true_random=False))
def test_the_order_of_the_tests_changes_nothing(p: list[float], random: object) -> None:
    order = list(range(len(p)))
    random.shuffle(order)  # type: ignore[attr-defined]  # Hypothesis's Random
    q = control_false_discoveries(p).q_values
    assert control_false_discoveries([p[i] for i in order]).q_values == pytest.approx([q[i] for i in order])


def test_by_hand() -> None:
    found = control_false_discoveries([0.01, 0.04, 0.03, 0.5])
    assert found.q_values == pytest.approx((0.04, 0.16 / 3, 0.16 / 3, 0.5))
    assert found.rejected == (True, False, False, False)
    assert found.count == 1
    assert control_false_discoveries([0.03]).q_values == (0.03,)


def test_of_the_discoveries_at_most_the_rate_is_false() -> None:
    rng, rate, shares, naive = np.random.default_rng(6), 0.1, [], []
    for _ in range(1_000):
        p = rng.random(50)
        p[:10] = p[:10] ** 12  # ten true effects
        rejected = np.array(control_false_discoveries(p, rate=rate).rejected)
        shares.append(rejected[10:].sum() / max(1, rejected.sum()))
        naive.append((p[10:] <= rate).sum() / max(1, (p <= rate).sum()))
    print(f"false among the rejected: {np.mean(shares):.4f} at rate {rate}; without correction {np.mean(naive):.4f}")
    assert np.mean(shares) <= rate
    assert np.mean(naive) > 2 * rate


def test_no_tests_give_an_empty_answer() -> None:
    found = control_false_discoveries([])
    assert (found.q_values, found.rejected, found.count) == ((), (), 0)


def test_what_has_no_meaning_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"test 1: nan is no p-value \(leave out"):
        control_false_discoveries([0.1, math.nan])
    for wrong in ([1.5], [-0.1], [[0.1]]):
        with pytest.raises(RefusedError):
            control_false_discoveries(wrong)
    with pytest.raises(RefusedError, match="alpha"):
        control_false_discoveries([0.1], rate=0)
