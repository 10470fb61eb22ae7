"""Intervals of a comparison's other figures, that hold however often they are looked at, and what they say.

An estimate that is a smooth function of means (a mean, a ratio of costs, a share) is, on many rows, the mean of one
number a row: its influence. So the confidence sequence of a mean (statistics/t_mixture.py) is also one of such an
estimate, with n times its squared standard error in place of the rows' variance, in the limit of many rows. A
figure that hangs on few rows, such as a maximum, is no such function, and its interval is too narrow.

Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence
sequences".
"""

from __future__ import annotations

import math

from quarterdeck.core.duel import Interval, Standing
from quarterdeck.core.statistics.msprt import best_tau2
from quarterdeck.core.statistics.t_mixture import confidence_radius
from quarterdeck.core.values import Direction

PLANNED = 10  # the mixture is laid out to be sharpest at this many times the minimum of labels


def sequence_interval(
    estimate: float, standard_error: float, *, n: int, alpha: float, minimum: int, looked: int = 1
) -> Interval | None:
    """The interval of an estimate on n rows, valid at all looks together with probability 1 - alpha.

    `looked` is how many such figures are looked at: each gets alpha / looked (Bonferroni), so that all intervals
    of all figures hold together. None below `minimum` rows, and where estimate or error is no number. A standard
    error of 0 gives an interval of a point.
    """
    if n < minimum or not (math.isfinite(estimate) and math.isfinite(standard_error)):
        return None
    share = alpha / max(looked, 1)
    g = best_tau2(variance=1.0, n=PLANNED * minimum, alpha=share)
    radius = confidence_radius(n=n, variance=n * standard_error**2, g=g, alpha=share)
    return (estimate - radius, estimate + radius) if math.isfinite(radius) else None


def standing(interval: Interval | None, direction: Direction, *, margin: float = 0.0) -> Standing:
    """Better or worse only where all of the interval is; `margin` is how much worse is still no worse."""
    if interval is None:
        return Standing.UNCLEAR
    low, high = interval if direction is Direction.LOWER else (-interval[1], -interval[0])
    if low > margin:
        return Standing.WORSE
    return Standing.BETTER if high < 0 else Standing.UNCLEAR
