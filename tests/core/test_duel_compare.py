"""A live comparison may be looked at after every label, and errs no more often than it says."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quarterdeck.core.duel import DuelVerdict
from quarterdeck.core.duel_compare import _start, _strongest, compare
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.statistics.msprt import best_tau2
from quarterdeck.core.values import Decision, Task

Floats = NDArray[np.float64]
Data = tuple[NDArray[np.int_], Floats, Floats]


def logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def traffic(seed: int, n: int, *, champion: float, challenger: float, rate: float = 0.0) -> Data:
    """Labels and both models' probabilities; the number is the noise a model adds to what can be known."""
    rng = np.random.default_rng(seed)
    truth = rate + 1.5 * rng.normal(size=n)
    y = (rng.random(n) < logistic(truth)).astype(int)
    first, second = (logistic(truth + noise * rng.normal(size=n)) for noise in (champion, challenger))
    return y, first, second


def verdict(data: tuple[Any, Any, Any], upto: int | None = None, **options: Any) -> DuelVerdict:
    y, champion, challenger = (values[:upto] for values in data)
    return compare(Task.BINARY, y, champion, challenger, **({"minimum_labels": 100} | options))


def test_a_better_challenger_is_promoted() -> None:
    found = verdict(traffic(1, 2_000, champion=1.5, challenger=0.1))
    assert found.decision is Decision.PROMOTE
    assert found.difference is not None
    assert found.interval is not None
    assert found.difference < 0
    assert found.interval[1] < 0
    assert found.e_value >= found.needed == 20
    assert found.p_value == pytest.approx(1 / found.e_value)
    assert found.rows_needed is None
    assert found.challenger["brier_score_loss"] - found.champion["brier_score_loss"] == pytest.approx(found.difference)
    assert "lower by" in found.reasons[0]


def test_a_worse_challenger_is_rejected() -> None:
    found = verdict(traffic(1, 2_000, champion=0.1, challenger=1.5))
    assert found.decision is Decision.REJECT
    assert "higher by" in found.reasons[0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 1.5), st.floats(0.1, 1.5))
def test_swapping_the_models_flips_only_the_sign(seed: int, first: float, second: float) -> None:
    y, a, b = traffic(seed, 400, champion=first, challenger=second)
    one, other = verdict((y, a, b)), verdict((y, b, a))
    flipped = {
        Decision.PROMOTE: Decision.REJECT,
        Decision.REJECT: Decision.PROMOTE,
        Decision.HOLD: Decision.HOLD,
    }
    assert other.decision is flipped[one.decision]
    assert other.difference == pytest.approx(-(one.difference or 0.0), abs=1e-15)
    assert other.e_value == pytest.approx(one.e_value)
    assert (other.champion, other.challenger) == (one.challenger, one.champion)


@pytest.mark.parametrize("seed", range(3))
def test_p_never_rises_while_labels_arrive(seed: int) -> None:
    data = traffic(seed, 1_000, champion=0.6, challenger=0.4)
    values = [verdict(data, n).p_value for n in range(50, 1_001, 50)]
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in pairwise(values))
    assert values[0] == 1.0
    assert values[-1] < 1.0


def test_the_same_labels_give_the_same_verdict_again() -> None:
    data = traffic(2, 800, champion=0.6, challenger=0.4)
    assert verdict(data) == verdict(data)
    assert json.loads(json.dumps(verdict(data).to_json(), allow_nan=False))["n"] == 800


@pytest.mark.parametrize("rate", [0.0, -3.0])
def test_two_equal_models_are_told_apart_in_at_most_alpha_of_duels(rate: float) -> None:
    """Looking after every label, with labels that are even and rare; the test that looks as often without
    this is wrong.
    """
    alpha, minimum, duels, naive, decided = 0.05, 100, 600, 0, 0
    g = best_tau2(variance=1.0, n=10 * minimum, alpha=alpha)
    for seed in range(duels):
        y, a, b = traffic(seed, 1_500, champion=0.5, challenger=0.5, rate=rate)
        differences = (b - y) ** 2 - (a - y) ** 2
        rows = Rows.check(Task.BINARY, y, a)
        decided += _strongest(differences, _start(rows, minimum), g).log_e >= math.log(1 / alpha)
        n = np.arange(minimum, len(y) + 1)
        mean = np.cumsum(differences)[minimum - 1 :] / n
        naive += bool((np.abs(mean) * np.sqrt(n) / differences.std() > 1.96).any())
    assert decided / duels <= alpha
    assert naive / duels > 3 * alpha


def test_below_the_minimum_of_labels_it_holds_whatever_they_say() -> None:
    found = verdict(traffic(1, 2_000, champion=3.0, challenger=0.0), 99)
    assert found.decision is Decision.HOLD
    assert (found.p_value, found.interval, found.rows_needed) == (1.0, None, 1)
    assert found.reasons == ("99 labels; 100 are needed",)


def test_few_rows_of_a_class_hold_and_say_how_many_labels_more() -> None:
    y, a, b = traffic(1, 400, champion=3.0, challenger=0.0)
    y = np.where(np.arange(400) < 10, 1, 0)
    found = verdict((y, a, b))
    assert found.decision is Decision.HOLD
    assert found.reasons == ("10 labels of the rarer class; 20 are needed",)
    assert found.rows_needed == 400
    only_one = verdict((np.zeros(400, dtype=int), a, b))
    assert only_one.decision is Decision.HOLD
    assert only_one.rows_needed == 20 * 400


def test_no_labels_at_all_hold() -> None:
    found = verdict(([], [], []))
    assert (found.decision, found.n, found.difference, found.rows_needed) == (Decision.HOLD, 0, None, 100)


def test_a_hold_names_the_labels_still_needed_and_they_are_about_enough() -> None:
    y, a, b = traffic(3, 20_000, champion=0.8, challenger=0.6)
    held = verdict((y, a, b), 150)
    assert held.decision is Decision.HOLD
    assert held.rows_needed is not None
    assert verdict((y, a, b)).decision is Decision.PROMOTE


def test_identical_models_hold_and_promise_no_end() -> None:
    y, a, _ = traffic(3, 500, champion=0.8, challenger=0.6)
    found = verdict((y, a, a))
    assert (found.decision, found.difference, found.p_value, found.rows_needed) == (
        Decision.HOLD,
        0.0,
        1.0,
        None,
    )


def test_evidence_that_has_turned_round_holds() -> None:
    y, a, b = traffic(4, 1_000, champion=1.5, challenger=0.1)
    turned = (
        np.concatenate([y, y, y[:100]]),
        np.concatenate([a, b, b[:100]]),
        np.concatenate([b, a, a[:100]]),
    )
    before, found = verdict(turned, 1_000), verdict(turned)
    assert before.decision is Decision.PROMOTE
    assert found.difference is not None
    assert found.difference > 0
    assert found.p_value == pytest.approx(before.p_value)
    assert found.decision is Decision.HOLD
    assert "turned round" in found.reasons[1]


def test_regression_and_multiclass_duels_use_their_own_losses() -> None:
    rng = np.random.default_rng(5)
    y = rng.normal(size=500)
    near, far = y + 0.1 * rng.normal(size=500), y + rng.normal(size=500)
    found = compare(Task.REGRESSION, y, far, near)
    assert (found.decision, found.loss) == (Decision.PROMOTE, "absolute_error")
    labels = rng.integers(0, 3, 500)
    sharp = np.full((500, 3), 0.1) + 0.7 * np.eye(3)[labels]
    blunt = rng.dirichlet(np.ones(3), 500)
    words = np.array(["a", "b", "c"])[labels].tolist()
    found = compare(Task.MULTICLASS, words, blunt.tolist(), sharp.tolist(), classes=("a", "b", "c"))
    assert (found.decision, found.loss) == (Decision.PROMOTE, "log_loss")


def test_a_mixture_of_ones_own_is_used() -> None:
    data = traffic(3, 600, champion=1.5, challenger=0.1)
    assert verdict(data, tau2=0.5).e_value != verdict(data).e_value


def test_what_has_no_meaning_is_refused() -> None:
    data = traffic(3, 300, champion=0.8, challenger=0.6)
    for options in ({"alpha": 0.0}, {"minimum_labels": 1}, {"tau2": -1.0}, {"loss": "absolute_error"}):
        with pytest.raises(RefusedError):
            verdict(data, **options)
    with pytest.raises(RefusedError, match="NaN"):
        verdict((data[0], data[1], np.full(300, np.nan)))
