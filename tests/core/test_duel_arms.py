"""Separate arms are compared with evidence that may be looked at at any time; entities that come back count once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from quarterdeck.core.duel import DuelVerdict, Mode
from quarterdeck.core.duel_arms import ArmRows, compare_arms, entity_means
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.two_arms import two_arm_sequence
from quarterdeck.core.values import Decision, Task

Floats = NDArray[np.float64]


def arm(rng: np.random.Generator, n: int, *, error: float, entities: int | None = None) -> ArmRows:
    """A regression's rows, answered with an error of this size."""
    y = rng.normal(size=n)
    names: list[str | None] = (
        [None] * n if entities is None else [f"e{place}" for place in rng.integers(0, entities, n)]
    )
    return ArmRows(y_true=y, score=y + error * rng.normal(size=n), entities=names)


def verdict(champion: ArmRows, challenger: ArmRows, **options: Any) -> DuelVerdict:
    return compare_arms(Task.REGRESSION, champion, challenger, **({"minimum_labels": 50} | options))


@pytest.mark.parametrize(("error", "decision"), [(0.5, Decision.PROMOTE), (2.0, Decision.REJECT), (1.0, Decision.HOLD)])
def test_the_better_arm_wins_the_worse_loses_and_equal_ones_hold(error: float, decision: Decision) -> None:
    rng = np.random.default_rng(1)
    found = verdict(arm(rng, 400, error=1.0), arm(rng, 400, error=error))
    assert (found.decision, found.mode, found.n) == (decision, Mode.AB, 400)
    assert found.interval is not None and found.difference is not None
    assert found.interval[0] <= found.difference <= found.interval[1]
    assert (found.rows_needed is None) is (decision is not Decision.HOLD)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 2.0), st.floats(0.3, 2.0))
def test_swapping_the_arms_flips_only_the_sign(seed: int, first: float, second: float) -> None:
    rng = np.random.default_rng(seed)
    one, other = arm(rng, 200, error=first), arm(rng, 200, error=second)
    there, back = verdict(one, other), verdict(other, one)
    flipped = {Decision.PROMOTE: Decision.REJECT, Decision.REJECT: Decision.PROMOTE, Decision.HOLD: Decision.HOLD}
    assert back.decision is flipped[there.decision]
    assert back.difference == pytest.approx(-(there.difference or 0.0))
    assert back.e_value == pytest.approx(there.e_value)


@pytest.mark.parametrize(("champion", "challenger"), [(49, 400), (400, 49), (0, 100), (100, 0)])
def test_an_arm_below_its_minimum_holds_and_says_how_many_are_needed(champion: int, challenger: int) -> None:
    rng = np.random.default_rng(2)
    found = verdict(arm(rng, champion, error=3.0), arm(rng, challenger, error=0.1))
    assert (found.decision, found.interval, found.e_value) == (Decision.HOLD, None, 1.0)
    assert "50" in found.reasons[0]


def test_a_fuller_arm_needs_so_many_rows_more() -> None:
    rng = np.random.default_rng(3)
    short = verdict(arm(rng, 199, error=3.0), arm(rng, 60, error=0.1), ratio=4)
    assert short.decision is Decision.HOLD
    assert "200 and 50" in short.reasons[0]
    assert verdict(arm(rng, 240, error=3.0), arm(rng, 60, error=0.1), ratio=4).decision is Decision.PROMOTE


def test_a_rare_class_holds_until_each_arm_has_enough_of_it() -> None:
    rng = np.random.default_rng(4)

    def rows(late: int, score: float) -> ArmRows:
        y = np.zeros(300, dtype=int)
        y[:late] = 1
        return ArmRows(y_true=y, score=np.clip(score + 0.05 * rng.normal(size=300), 0, 1), entities=[None] * 300)

    few = compare_arms(Task.BINARY, rows(19, 0.6), rows(19, 0.1), minimum_labels=50)
    assert (few.decision, few.reasons) == (Decision.HOLD, ("19 labels of the rarer class; 20 are needed",))
    assert compare_arms(Task.BINARY, rows(20, 0.6), rows(20, 0.1), minimum_labels=50).decision is Decision.PROMOTE


def test_an_entity_that_comes_back_counts_once_as_the_mean_of_its_losses() -> None:
    found = entity_means(np.array([1.0, 5.0, 3.0, 7.0, 9.0]), ["a", None, "a", "b", None])
    assert found.tolist() == [2.0, 5.0, 7.0, 9.0]


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.none() | st.sampled_from("abcde")), max_size=40))
def test_entities_only_move_losses_together(rows: list[tuple[float, str | None]]) -> None:
    losses, names = np.array([loss for loss, _ in rows]), [name for _, name in rows]
    found = entity_means(losses, names)
    alone = sum(name is None for name in names)
    assert len(found) == alone + len({name for name in names if name is not None})
    if len(rows):
        assert losses.min() - 1e-9 <= found.min() and found.max() <= losses.max() + 1e-9


def test_few_entities_are_few_however_many_rows_they_have() -> None:
    rng = np.random.default_rng(5)
    found = verdict(arm(rng, 2_000, error=1.0, entities=8), arm(rng, 2_000, error=0.2, entities=8))
    assert (found.decision, found.n) == (Decision.HOLD, 8)
    assert "8 entities" in found.reasons[0]


def test_rows_of_alike_entities_err_without_means_and_hold_what_they_promise_with_them() -> None:
    """Both arms are equal; each entity has its own level of error. Looked at again and again while rows come."""
    alpha, duels, by_rows, by_entities = 0.05, 300, 0, 0
    for seed in range(duels):
        rng = np.random.default_rng(seed)
        levels = rng.normal(size=(2, 80))
        names = rng.integers(0, 80, size=(2, 1_200))
        losses = np.take_along_axis(levels, names, axis=1) + 0.3 * rng.normal(size=(2, 1_200))
        looks = range(200, 1_201, 200)
        by_rows += any(_decides(losses[0, :n], losses[1, :n], alpha) for n in looks)
        words = [[f"e{name}" for name in names[side]] for side in (0, 1)]
        means = [[entity_means(losses[side, :n], words[side][:n]) for side in (0, 1)] for n in looks]
        by_entities += any(_decides(first, second, alpha) for first, second in means)
    assert by_entities / duels <= alpha
    assert by_rows / duels > 3 * alpha


def _decides(first: Floats, second: Floats, alpha: float) -> bool:
    interval = two_arm_sequence(first, second, alpha=alpha, minimum=50).interval
    return interval is not None and not interval[0] <= 0 <= interval[1]


def test_what_has_no_meaning_is_refused() -> None:
    rng = np.random.default_rng(6)
    one = arm(rng, 100, error=1.0)
    for options in ({"minimum_labels": 1}, {"ratio": 0}):
        with pytest.raises(RefusedError):
            verdict(one, one, **options)
