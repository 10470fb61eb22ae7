"""Which predictions wait for a person, and what people's labels make of them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import ConflictError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.review import (
    TRANSITIONS,
    Given,
    State,
    Stratum,
    choose,
    confidence_of,
    draw,
    lies_outside,
    next_rate,
    standing,
    transition,
)
from quarterdeck.core.review_spec import ReviewSpec
from quarterdeck.core.values import Task

SIGNATURE = Signature(
    fields=(
        Field(name="distance", kind=FieldKind.NUMBER, minimum=80, maximum=4983),
        Field(name="carrier", kind=FieldKind.STRING, categories=("AA", "UA")),
    ),
    task=Task.BINARY,
    target="late",
    classes=(0, 1),
)


def test_draws_are_the_same_again_and_spread_evenly() -> None:
    ids = [f"prediction {number}" for number in range(20_000)]
    found = [draw("salt", name) for name in ids]
    assert found == [draw("salt", name) for name in ids]
    assert all(0 <= number < 1 for number in found)
    for tenth in range(10):
        share = sum(tenth / 10 <= number < (tenth + 1) / 10 for number in found) / len(found)
        assert share == pytest.approx(0.1, abs=0.01)
    assert draw("salt", ids[0]) != draw("other salt", ids[0])


def test_an_unsure_prediction_is_sure_to_be_chosen_and_says_why() -> None:
    choice = choose(ReviewSpec(confidence_below=0.6), 0.54, None)
    assert choice is not None and (choice.stratum, choice.weight) == (Stratum.UNSURE, 1.0)
    assert choice.why == "confidence 0.54 under 0.6"


def test_a_confidence_is_written_so_that_it_is_under_its_bound() -> None:
    choice = choose(ReviewSpec(confidence_below=0.6), 0.5996, None)
    assert choice is not None and choice.why == "confidence 0.5996 under 0.6"


def test_any_other_is_chosen_by_chance_or_never() -> None:
    choice = choose(ReviewSpec(confidence_below=0.6), 0.61, "distance 5200 above 4983")
    assert choice is not None and (choice.stratum, choice.weight, choice.why) == (Stratum.RANDOM, 0.01, "random 1 %")
    assert choose(ReviewSpec(confidence_below=0.6, random_share=0.0), 0.6, None) is None


def test_an_input_that_training_never_saw_is_named() -> None:
    spec = ReviewSpec(outside_range=True)
    said = lies_outside(SIGNATURE, {"distance": 5200, "carrier": "ZZ"})
    choice = choose(spec, 0.99, said)
    assert choice is not None and (choice.stratum, choice.why) == (Stratum.OUTSIDE, "distance 5200 above 4983")
    assert lies_outside(SIGNATURE, {"distance": 80, "carrier": "ZZ"}) == "carrier ZZ is new"
    assert lies_outside(SIGNATURE, {"distance": None, "carrier": "AA"}) is None


@pytest.mark.parametrize(
    ("task", "score", "probabilities", "found"),
    [
        (Task.BINARY, 0.3, False, 0.7),
        (Task.BINARY, 0.9, False, 0.9),
        (Task.BINARY, -2.0, False, None),
        (Task.MULTICLASS, 0.4, True, 0.4),
        (Task.MULTICLASS, 0.0, False, None),
        (Task.REGRESSION, 0.4, False, None),
    ],
)
def test_confidence_is_the_named_labels_probability(
    task: Task, score: float, probabilities: bool, found: float | None
) -> None:
    assert confidence_of(task, score, probabilities=probabilities) == (found if found is None else pytest.approx(found))


def said(*labels: str) -> list[Given]:
    return [Given(person=f"person {number}", label=label) for number, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("labels", "needed", "state", "label"),
    [
        ("", 1, State.WAITING, None),
        ("0", 1, State.DECIDED, "0"),
        ("0", 2, State.WAITING, None),
        ("00", 2, State.DECIDED, "0"),
        ("01", 2, State.CONFLICT, None),
        ("011", 2, State.DECIDED, "1"),
        ("010", 2, State.DECIDED, "0"),
        ("012", 2, State.DECIDED, "2"),
        ("01", 1, State.CONFLICT, None),  # a person's and one that came by feedback
        ("010", 1, State.DECIDED, "0"),
    ],
)
def test_two_must_agree_and_a_third_settles(labels: str, needed: int, state: State, label: str | None) -> None:
    assert standing(said(*labels), needed) == (state, label)


@given(st.lists(st.sampled_from("01"), max_size=4), st.integers(1, 2))
def test_each_word_more_or_less_is_a_way_that_the_table_allows(labels: list[str], needed: int) -> None:
    before, _ = standing(said(*labels[:-1]), needed)
    after, label = standing(said(*labels), needed)
    assert (label is not None) == (after is State.DECIDED)
    if before in (State.WAITING, State.CONFLICT) and labels:
        transition(before, after)
        transition(after, before)  # undo


def test_what_is_used_stays_used() -> None:
    assert not TRANSITIONS[State.USED]
    with pytest.raises(ConflictError, match="used"):
        transition(State.USED, State.WAITING)


def test_the_rate_halves_while_the_queue_is_full_and_comes_back() -> None:
    assert next_rate(1.0, 101, 100) == 0.5
    assert next_rate(0.5, 60, 100) == 0.5
    assert next_rate(0.5, 24, 100) == 1.0
    assert next_rate(1.0, 0, 100) == 1.0


def test_thinning_by_the_draw_keeps_each_row_with_the_probability_that_it_says() -> None:
    random_ids = random.Random(1)
    kept = sum(draw("s", str(random_ids.random())) < 0.01 * 0.5 for _ in range(60_000))
    assert kept / 60_000 == pytest.approx(0.005, abs=0.001)
