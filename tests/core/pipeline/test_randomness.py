"""Who may have drawn from the process's random state."""

from __future__ import annotations

import random

import numpy as np
import pytest

from quarterdeck.core.pipeline.randomness import SharedRandomState, seed_for


def test_seeds_differ_by_step_and_by_the_pipelines_seed_and_stay() -> None:
    seeds = {seed_for(seed, step) for seed in (0, 1) for step in ("a", "b")}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert seed_for(0, "a") == seed_for(0, "a")


@pytest.mark.parametrize("draw", [random.random, np.random.rand], ids=["random", "numpy"])
def test_a_step_alone_is_seeded_and_may_draw(draw: object) -> None:
    assert callable(draw)
    drawn = []
    for _ in range(2):
        chance = SharedRandomState(0)
        chance.begin("a")
        drawn.append(draw())
        assert chance.end("a") is False
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("draw", [random.random, np.random.rand, np.random.randn], ids=["random", "numpy", "normal"])
def test_both_are_dirty_when_something_was_drawn_while_they_ran_together(draw: object) -> None:
    assert callable(draw)
    chance = SharedRandomState(0)
    chance.begin("a")
    chance.begin("b")
    draw()
    assert chance.end("a") is True
    assert chance.end("b") is True


def test_drawing_before_the_other_began_and_after_it_ended_does_no_harm() -> None:
    chance = SharedRandomState(0)
    chance.begin("a")
    random.random()
    chance.begin("b")
    assert chance.end("b") is False
    random.random()
    assert chance.end("a") is False


def test_a_step_that_began_beside_another_and_draws_later_is_dirty_since_it_was_never_seeded() -> None:
    chance = SharedRandomState(0)
    chance.begin("a")
    chance.begin("b")
    assert chance.end("a") is False
    random.random()
    assert chance.end("b") is True


def test_a_step_that_begins_anew_is_clean_again() -> None:
    chance = SharedRandomState(0)
    chance.begin("a")
    chance.begin("b")
    random.random()
    chance.end("a")
    chance.end("b")
    chance.begin("a")
    random.random()
    assert chance.end("a") is False
