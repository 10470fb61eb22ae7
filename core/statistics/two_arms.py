"""Two arms of traffic, each row answered by one of them: their difference, at any look.

Canary and A/B traffic has no row that both models answered. So the arms' rows are paired in order of arrival,
the k-th of the one with the k-th of the other, and the pairs' differences are the observations of a test for
one mean. The arms are independent, so the pairs are, and their mean is the difference of the arms' means,
whatever the interleaving: rows of the fuller arm just wait. Which rows are paired depends on their places
alone, never on their losses, and pairs once formed stay. So the evidence is a martingale along the pairs where
there is no difference, and looking at any time, and stopping on what is seen, is allowed.

Two ways to gather evidence, both along all pairs, counting from a minimum of rows per arm:

- Bounds of the loss known (failures: 0 and 1): betting.py, exact for any distribution. For failures it is the
  one to use: with rare ones, rows without any would look to Student's t like certainty.
- Bounds not known (money, minutes): t_mixture.py, exact for normal differences, by the central limit theorem
  nearly so for others. Differences of independent arms that are equal are symmetric, however skewed the
  losses, which is what it needs most. It counts only from twenty pairs that differ.

Where the first arm gets r times the second's traffic, pairing one row with one leaves most of the fuller arm's
unused. `ratio` = r pairs the mean of r rows of the first arm with each row of the second; at 19 : 1 that takes
about half of the second arm's rows. It is part of the plan of the traffic and must be named before the rows.

What it cannot mend: rows of one entity that are alike are no independent rows (give one number an entity), and
traffic that is divided otherwise than by chance compares the divisions.

Sources: those of the two files; Johari, Koomen, Pekelis and Walsh 2022, "Always valid inference: continuous
monitoring of A/B tests", for two streams as one of differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics.msprt import check_alpha
from quarterdeck.core.statistics.two_arm_evidence import Betting, Student

Floats = NDArray[np.float64]

_LARGEST = 690.0  # the log of what an e-value is shown as at most: JSON knows no infinity


@dataclass(frozen=True, kw_only=True, slots=True)
class TwoArms:
    """The difference second - first of the mean losses, in their unit: positive is worse for the second.

    `difference` is the mean over the pairs, None without any. `interval` is always valid: those at all looks
    together hold the true difference with probability 1 - alpha or more; None before evidence counts.
    `e_value` is the strongest evidence at any look so far against "the difference is `margin`", at least 1 and
    finite, and `p` = 1 / e_value; with more rows `p` never rises. `rows_needed` is how many more rows of the
    first and of the second arm a decision takes, about, if the arms go on as they did; (0, 0) where there is
    one, None where it cannot be told.
    """

    difference: float | None
    interval: tuple[float, float] | None
    margin: float
    e_value: float
    p: float
    alpha: float
    n: int  # rows of the first arm
    m: int  # rows of the second
    pairs: int
    minimum: int  # pairs before which nothing is decided
    rows_needed: tuple[int, int] | None

    @property
    def enough(self) -> bool:
        """Evidence counts: each arm has its minimum of rows."""
        return self.interval is not None

    @property
    def not_worse(self) -> bool:
        """The second arm's mean loss is less than the first's plus the margin."""
        return self.interval is not None and self.interval[1] < self.margin

    @property
    def worse(self) -> bool:
        """It is more than that. Where neither is so: HOLD."""
        return self.interval is not None and self.interval[0] > self.margin


def two_arm_sequence(
    first: ArrayLike,
    second: ArrayLike,
    *,
    alpha: float = 0.05,
    minimum: int = 50,
    margin: float = 0.0,
    bounds: tuple[float, float] | None = None,
    ratio: int = 1,
) -> TwoArms:
    """Compare losses of the first arm (n,) with those of the second (m,), each in order of arrival.

    `minimum` is the fewest rows of the second arm, and `ratio` times it of the first, before which there is no
    interval and e_value is 1; empty arms are allowed. `margin` in the loss's unit, `bounds` of a single loss.
    Swapping the arms (ratio 1, margin 0) flips the sign of difference and interval and nothing else. Arms that
    are constant and differ have an interval of a point, unless bounds are given; arms that are constant and
    equal have none. Raises RefusedError on NaN and infinity, losses outside the bounds, a margin as wide as
    they are, and alpha, minimum or ratio without meaning.
    """
    check_alpha(alpha)
    if minimum < 2 or ratio < 1 or not math.isfinite(margin):
        raise RefusedError(f"no comparison from {minimum} rows on, at {ratio} : 1, with margin {margin}")
    one, other = _checked(first, bounds), _checked(second, bounds)
    evidence = Student(minimum, margin, alpha) if bounds is None else Betting(minimum, margin, alpha, bounds)
    differences = _pair(one, other, ratio)
    log_e, interval = evidence.strongest(differences), evidence.interval(differences)
    decided = interval is not None and not interval[0] <= margin <= interval[1]
    total = len(differences) if decided else evidence.pairs_to_decide(differences)
    return TwoArms(
        difference=float(differences.mean()) if len(differences) else None,
        interval=interval,
        margin=margin,
        e_value=math.exp(min(log_e, _LARGEST)),
        p=math.exp(-min(log_e, _LARGEST)),
        alpha=alpha,
        n=len(one),
        m=len(other),
        pairs=len(differences),
        minimum=minimum,
        rows_needed=None if total is None else (max(0, total * ratio - len(one)), max(0, total - len(other))),
    )


def _pair(first: Floats, second: Floats, ratio: int) -> Floats:
    """(pairs,) each row of the second arm less the mean of the `ratio` rows of the first in its place."""
    pairs = min(len(first) // ratio, len(second))
    before = first[: pairs * ratio].reshape(pairs, ratio).mean(axis=1)
    return np.asarray(second[:pairs] - before, dtype=np.float64)


def _checked(losses: ArrayLike, bounds: tuple[float, float] | None) -> Floats:
    x = np.asarray(losses, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all():
        raise RefusedError(f"an arm is a flat list of finite losses, found shape {x.shape}")
    if bounds is not None and not ((x >= bounds[0]) & (x <= bounds[1])).all():
        raise RefusedError(f"a loss lies outside the bounds {bounds[0]} to {bounds[1]}")
    return x
