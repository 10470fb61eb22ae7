"""Champion against challenger where each request was answered by one of them: canary and A/B traffic.

The losses of two separate arms, compared by statistics/two_arms.py with evidence that may be looked at after every
label. Three things that separate arms need and paired rows do not:

- Rows of one entity are alike (one ship, one customer), and sticky traffic gives all of them to one arm. Where an
  entity comes back, what counts is one number for each entity, the mean of its losses, in the order in which the
  entities were first labelled; the minimum is of entities then. A mean still moves when the entity comes back, so
  that what was looked at before changes a little: the promise of "at most alpha" is exact where no entity comes
  back, and checked by simulation where some do (tests/core/test_duel_arms.py).
- A fuller arm. `ratio` rows of the champion stand against one of the challenger's.
- The verdict says what the interval says now, not what the strongest evidence once said: with separate arms the two
  may differ in their traffic over time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarterdeck.core.duel import DuelVerdict, Mode
from quarterdeck.core.duel_compare import MINIMUM_PER_CLASS, check_minimum, no_labels
from quarterdeck.core.metrics.families import compute_all
from quarterdeck.core.metrics.losses import DEFAULT_LOSS, losses_of
from quarterdeck.core.metrics.scoring import Rows
from quarterdeck.core.statistics.msprt import check_alpha
from quarterdeck.core.statistics.two_arms import TwoArms, two_arm_sequence
from quarterdeck.core.values import Decision, Task

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmRows:
    """One arm's labelled rows, n of them in the order in which their labels came. Labels and scores are as in
    metrics.families.compute(); `entities` is (n,), None for a row without one."""

    y_true: ArrayLike
    score: ArrayLike
    entities: Sequence[str | None]

    @property
    def n(self) -> int:
        return len(self.entities)


def compare_arms(
    task: Task,
    champion: ArmRows,
    challenger: ArmRows,
    *,
    alpha: float = 0.05,
    minimum_labels: int = 200,
    classes: Sequence[str | int] | None = None,
    ratio: int = 1,
    loss: str | None = None,
) -> DuelVerdict:
    """Judge two separate arms. `minimum_labels` is of the challenger's rows, and `ratio` times it of the champion's.

    PROMOTE where the interval of the difference of the mean losses lies below 0, REJECT above, HOLD otherwise; an
    empty arm holds. Raises RefusedError on rows that cannot be scored, and on alpha, minimum or ratio without
    meaning.
    """
    check_alpha(alpha)
    check_minimum(minimum_labels)
    loss = loss or DEFAULT_LOSS[task]
    if not champion.n or not challenger.n:
        return no_labels(loss, alpha, minimum_labels, mode=Mode.AB, ratio=ratio)
    ours, theirs = (Rows.check(task, arm.y_true, arm.score, classes=classes) for arm in (champion, challenger))
    first, second = _numbers(ours, champion.entities, loss), _numbers(theirs, challenger.entities, loss)
    found = two_arm_sequence(first, second, alpha=alpha, minimum=minimum_labels, ratio=ratio)
    words = "entities" if len(first) + len(second) < champion.n + challenger.n else "labels"
    decision, reasons = _decide(found, _short_of_class(ours, theirs), ratio, words)
    return DuelVerdict(
        decision=decision,
        n=found.pairs,
        loss=loss,
        champion=compute_all(task, champion.y_true, champion.score, classes=classes),
        challenger=compute_all(task, challenger.y_true, challenger.score, classes=classes),
        difference=found.difference,
        interval=found.interval,
        p_value=found.p,
        e_value=found.e_value,
        needed=1 / alpha,
        rows_needed=_more(found) if decision is Decision.HOLD else None,
        reasons=reasons,
        mode=Mode.AB,
        ratio=ratio,
    )


def entity_means(losses: Floats, entities: Sequence[str | None]) -> Floats:
    """One number for each entity, the mean of its losses, in order of first appearance; a row without an entity
    stands for itself. (n,) in, at most n out."""
    places: dict[str, int] = {}
    groups = []
    count = 0
    for entity in entities:
        place = count if entity is None else places.setdefault(entity, count)
        groups.append(place)
        count = max(count, place + 1)
    index = np.asarray(groups, dtype=np.intp)
    sums, sizes = np.bincount(index, weights=losses, minlength=count), np.bincount(index, minlength=count)
    return np.asarray(sums / np.maximum(sizes, 1), dtype=np.float64)


def _numbers(rows: Rows, entities: Sequence[str | None], loss: str) -> Floats:
    return entity_means(losses_of(rows, loss), entities)


def _short_of_class(*arms: Rows) -> str | None:
    """Why the losses of a rare class do not count yet: they come in jumps that the first rows do not know of."""
    if arms[0].task is not Task.BINARY:
        return None
    rarer = min(min(int((rows.y == 1).sum()), int((rows.y == 0).sum())) for rows in arms)
    return None if rarer >= MINIMUM_PER_CLASS else f"{rarer} labels of the rarer class; {MINIMUM_PER_CLASS} are needed"


def _decide(found: TwoArms, short: str | None, ratio: int, words: str) -> tuple[Decision, tuple[str, ...]]:
    arms = f"{found.n} {words} of the champion and {found.m} of the challenger"
    if found.interval is None:
        return Decision.HOLD, (f"{arms}; {found.minimum * ratio} and {found.minimum} are needed",)
    strength = f"evidence {found.e_value:.4g} of {1 / found.alpha:.4g} needed, on {arms}"
    if short is not None:
        return Decision.HOLD, (short,)
    if found.not_worse == found.worse:
        weaker = ("but since then the difference has grown unsure: look at it by time",)
        return Decision.HOLD, (strength, *(weaker if found.e_value >= 1 / found.alpha else ()))
    word, decision = ("lower", Decision.PROMOTE) if found.not_worse else ("higher", Decision.REJECT)
    return decision, (f"the challenger's loss is {word} by {abs(found.difference or 0.0):.4g}", strength)


def _more(found: TwoArms) -> int | None:
    """How many more labels of the challenger; at least 1 where only the champion's are missing."""
    return None if found.rows_needed is None else max(1, found.rows_needed[1])
