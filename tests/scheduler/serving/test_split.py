"""Which entities a challenger answers."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.scheduler.serving.split import BUCKETS, Split

ENTITIES = [f"ship {number}" for number in range(2_000)]
IDS = [f"id {number}" for number in range(len(ENTITIES))]


def chosen(weight: float, challenger: int = 2) -> set[int]:
    return set(Split("fuel", challenger, weight).places(IDS, ENTITIES))


def test_the_share_is_near_the_weight() -> None:
    for weight in (1, 5, 25, 50, 75, 99):
        share = len(chosen(weight)) / len(ENTITIES)
        deviation = (weight * (100 - weight) / len(ENTITIES)) ** 0.5 / 100
        assert abs(share - weight / 100) < 4 * deviation


def test_nobody_is_chosen_at_0_and_everybody_at_100() -> None:
    assert chosen(0) == set()
    assert len(chosen(100)) == len(ENTITIES)


@given(st.floats(0, 100), st.floats(0, 100), st.text(max_size=20))
def test_an_entity_that_is_in_stays_in_while_the_weight_grows(one: float, other: float, entity: str) -> None:
    small, large = (Split("fuel", 2, weight).places(["x"], [entity]) for weight in sorted((one, other)))
    assert set(small) <= set(large)


def test_another_challenger_gets_other_entities() -> None:
    both = len(chosen(50) & chosen(50, challenger=3))
    assert 400 < both < 600  # half of a half of 2,000, if the two have nothing to do with each other


def test_an_entity_is_the_same_as_a_number_and_as_a_text() -> None:
    split = Split("fuel", 2, 50)
    numbers = split.places(IDS, range(len(IDS)))
    assert numbers == split.places(IDS, [str(number) for number in range(len(IDS))])


def test_a_row_without_an_entity_is_decided_by_its_id() -> None:
    split = Split("fuel", 2, 30)
    assert split.places(ENTITIES, [None] * len(ENTITIES)) == split.places(IDS, ENTITIES)


def test_every_process_decides_alike() -> None:
    code = (
        "from quarterdeck.scheduler.serving.split import Split\n"
        "print([Split('fuel', 2, 5).bucket(f'ship {number}') for number in range(20)])"
    )
    here = [Split("fuel", 2, 5).bucket(name) for name in ENTITIES[:20]]
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert there.strip() == str(here)
    assert all(0 <= bucket < BUCKETS for bucket in here)
