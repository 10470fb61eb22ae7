"""The human in the loop: which predictions wait for a person, and what the people's labels make of them.

Each prediction draws a number in [0, 1) from its id and a salt of the model: the same after a restart, and unknown to
whoever sends the requests. It waits where the draw is under its probability: 1 for one that is sure to be chosen, the
random share for any other, both times the queue's rate. The rate is 1 until the queue is full; then it is halved, and
of what waits only those stay whose draw is under their new probability, which they keep from then on. So thinning
drops nothing silently: each row that is left stands for more (Bernoulli sampling by permanent random numbers; Tillé,
Sampling Algorithms, 2006, section 4.3; thresholds that adapt to the sample: Ting, KDD 2018).

Loads without numpy: the console decides by it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from quarterdeck.core.errors import ConflictError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.review_spec import ReviewSpec
from quarterdeck.core.values import Task

LEASE = timedelta(minutes=10)  # how long an item that somebody took is kept from the others
GRACE = timedelta(minutes=1)  # how long a decision can be taken back, before it becomes a label
FEEDBACK = "feedback"  # as a person: a label that came from the clients
RAISE_BELOW = 0.25  # of most_waiting: from here down the rate is raised again

LABELS_FOLDER = "labels"  # in the workspace's state: a file of labels for each pipeline
_BITS = 53  # what a float holds exactly


class State(StrEnum):
    """Where a prediction in the queue stands."""

    WAITING = "waiting"  # for a person, or for a second one
    CONFLICT = "conflict"  # two labels differ; a third person settles it
    DECIDED = "decided"  # it has its label, which can still be taken back
    USED = "used"  # its label is in the prediction log and in the training data
    ANSWERED = "answered"  # the label came by feedback while it waited
    EXPIRED = "expired"  # nobody looked at it in time


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.WAITING: frozenset({State.CONFLICT, State.DECIDED, State.ANSWERED, State.EXPIRED, State.WAITING}),
    State.CONFLICT: frozenset({State.DECIDED, State.EXPIRED, State.WAITING}),
    State.DECIDED: frozenset({State.WAITING, State.CONFLICT, State.USED}),
    State.USED: frozenset(),
    State.ANSWERED: frozenset(),
    State.EXPIRED: frozenset(),
}
OPEN = (State.WAITING, State.CONFLICT)  # somebody is asked
LABELLED = (State.DECIDED, State.USED, State.ANSWERED)


class Stratum(StrEnum):
    """Why a prediction was chosen; estimates weigh each by itself."""

    UNSURE = "unsure"  # its confidence is under the threshold
    OUTSIDE = "outside"  # an input lies outside what training saw
    RANDOM = "random"  # by chance


def transition(before: State, after: State) -> State:
    """The new state. ConflictError where there is no such way."""
    if after not in TRANSITIONS[before]:
        raise ConflictError(f"it is {before}, and cannot become {after}", hint="somebody was faster: look again")
    return after


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """That a prediction waits, as long as its draw is under `weight` times the queue's rate."""

    stratum: Stratum
    weight: float  # its probability at a rate of 1
    why: str
    confidence: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """One person's label (JSON) for a prediction."""

    person: str
    label: str


def draw(salt: str, prediction_id: str) -> float:
    """A number in [0, 1), evenly spread over the ids, the same for the same id."""
    digest = hashlib.blake2b(prediction_id.encode(), key=salt.encode()[:64], digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> (64 - _BITS)) / (1 << _BITS)


def confidence_of(task: Task, score: float, *, probabilities: bool) -> float | None:
    """The probability of the label that was named; None where the model gives none.

    A binary score is the positive class's probability, a multiclass one the top probability.
    """
    if task is Task.REGRESSION or not 0 <= score <= 1:
        return None
    if task is Task.BINARY:
        return max(score, 1 - score)
    return score if probabilities else None


def choose(spec: ReviewSpec, confidence: float | None, outside: str | None) -> Choice | None:
    """How likely a prediction is to be chosen, and why; None where it cannot be.

    `outside` is what lies_outside() says of its inputs.
    """
    if spec.confidence_below is not None and confidence is not None and confidence < spec.confidence_below:
        why = f"confidence {_under(confidence, spec.confidence_below)} under {spec.confidence_below:g}"
        return Choice(stratum=Stratum.UNSURE, weight=1.0, why=why, confidence=confidence)
    if spec.outside_range and outside is not None:
        return Choice(stratum=Stratum.OUTSIDE, weight=1.0, why=outside, confidence=confidence)
    if spec.random_share > 0:
        why = f"random {100 * spec.random_share:g} %"
        return Choice(stratum=Stratum.RANDOM, weight=spec.random_share, why=why, confidence=confidence)
    return None


def _under(value: float, bound: float) -> str:
    """With as many digits as show that it is under the bound."""
    return next((text for digits in (2, 3, 4) if float(text := f"{value:.{digits}f}") < bound), f"{value:g}")


def lies_outside(signature: Signature, inputs: Mapping[str, Any]) -> str | None:
    """The first input that lies outside what training saw, in words; None where all lie within."""
    for field in signature.fields:
        said = outside_words(field, inputs.get(field.name))
        if said is not None:
            return f"{field.name} {said}"
    return None


def outside_words(field: Field, value: Any) -> str | None:
    """ "5200 above 4983", "ZZ is new"; None for a value that training saw, and for a missing one."""
    if value is None:
        return None
    if field.kind in (FieldKind.NUMBER, FieldKind.INTEGER):
        if not isinstance(value, int | float) or not math.isfinite(value):
            return None
        if field.minimum is not None and value < field.minimum:
            return f"{value:g} below {field.minimum:g}"
        return f"{value:g} above {field.maximum:g}" if field.maximum is not None and value > field.maximum else None
    if field.categories and str(value) not in field.categories:
        return f"{str(value)[:40]} is new"
    return None


def standing(given: Sequence[Given], needed: int) -> tuple[State, str | None]:
    """What the labels given so far, the oldest first, make of an item: its state, and its label where it has one.

    `needed` people must agree. Where two differ it is a conflict, and whoever comes then settles it.
    """
    state, label = State.WAITING, None
    seen: set[str] = set()
    for place, item in enumerate(given, 1):
        seen.add(item.label)
        if state is State.CONFLICT:
            state, label, seen = State.DECIDED, item.label, {item.label}
        elif len(seen) > 1:
            state, label = State.CONFLICT, None
        elif place >= needed:
            state, label = State.DECIDED, item.label
    return state, label


def next_rate(rate: float, waiting: int, most: int) -> float:
    """The queue's rate after a look at it: halved where it is too full, doubled again where it has become empty."""
    if waiting > most:
        return rate / 2
    return min(1.0, rate * 2) if rate < 1 and waiting < RAISE_BELOW * most else rate
