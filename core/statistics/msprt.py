"""The mixture sequential probability ratio test of a mean: evidence that may be looked at after every row.

For observations of known variance V and the mean d of n of them, the likelihood ratio of "the mean is drawn
from N(0, tau2)" against "the mean is 0" is

    L = sqrt(V / (V + n tau2)) exp(n^2 tau2 d^2 / (2 V (V + n tau2)))

Under the null L is a martingale that starts at 1, so P(L >= 1/alpha at any time) <= alpha (Ville's
inequality), and min over time of 1/L is a p-value however often it is looked at. Inverting the test gives a
confidence sequence.

Sources: Robbins 1970, "Statistical methods related to the law of the iterated logarithm"; Johari, Koomen,
Pekelis and Walsh 2022, "Always valid inference: continuous monitoring of A/B tests".

The guarantee is for a V that is known. Put in the variance of the rows themselves and it holds only from some
dozens of rows on: t_mixture.py is for that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from quarterdeck.core.errors import RefusedError


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """Everything the test remembers of a stream: add rows in any portions, in order of arrival.

    `variance` is V, of one observation; `tau2` the variance of the mixture, in the same unit. `p` never
    rises.
    """

    variance: float
    tau2: float
    n: int = 0
    mean: float = 0.0
    p: float = 1.0

    def add(self, value: float) -> State:
        """The state after one more observation. Raises RefusedError on NaN and infinity."""
        if not math.isfinite(value):
            raise RefusedError(f"{value} is no observation")
        n = self.n + 1
        mean = self.mean + (value - self.mean) / n  # keeps its digits where a running sum would lose them
        p = min(self.p, p_value(n=n, mean=mean, variance=self.variance, tau2=self.tau2))
        return replace(self, n=n, mean=mean, p=p)

    def interval(self, alpha: float) -> tuple[float, float]:
        """The confidence sequence's interval now; it leaves 0 out where the evidence now is 1/alpha or more."""
        radius = confidence_radius(n=self.n, variance=self.variance, tau2=self.tau2, alpha=alpha)
        return self.mean - radius, self.mean + radius


def log_likelihood_ratio(*, n: int, mean: float, variance: float, tau2: float) -> float:
    """The log of L; 0 where n = 0. Finite however large the evidence.

    With variance 0 it is 0 if the mean is 0 too, and infinite otherwise: a single row would settle it, which
    is true of a variance that is known to be 0 and of no other. Raises RefusedError on a negative variance,
    tau2 <= 0, NaN.
    """
    _check(n, mean, variance, tau2)
    if n == 0:
        return 0.0
    if variance == 0:
        return 0.0 if mean == 0 else math.inf
    spread = variance + n * tau2
    return 0.5 * math.log(variance / spread) + (n * mean) ** 2 * tau2 / (2 * variance * spread)


def log_evidence(values: ArrayLike, *, variance: float, tau2: float) -> NDArray[np.float64]:
    """(n,) log L after each of n observations of the given variance, in order of arrival; none give an empty array.

    `variance` is positive. Raises RefusedError on NaN, infinity, and where log_likelihood_ratio() does.
    """
    _check(0, 0.0, variance, tau2)
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).all() or variance == 0:
        raise RefusedError("evidence needs a flat list of finite numbers and a variance above 0")
    spread = variance + np.arange(1, len(x) + 1) * tau2
    log_l = 0.5 * np.log(variance / spread) + np.cumsum(x) ** 2 * tau2 / (2 * variance * spread)
    return np.asarray(log_l, dtype=np.float64)


def p_value(*, n: int, mean: float, variance: float, tau2: float, previous: float = 1.0) -> float:
    """The always-valid p-value: the least of `previous`, the p-value before this row, and 1/L."""
    return min(previous, 1.0, math.exp(-log_likelihood_ratio(n=n, mean=mean, variance=variance, tau2=tau2)))


def confidence_radius(*, n: int, variance: float, tau2: float, alpha: float) -> float:
    """Half the width of the (1 - alpha) confidence sequence around the mean: infinite at n = 0, then falling.

    All the intervals mean +- radius, over all n at once, hold the true mean with probability 1 - alpha or
    more. With variance 0 it is 0.
    """
    _check(n, 0.0, variance, tau2)
    check_alpha(alpha)
    if n == 0:
        return math.inf
    if variance == 0:
        return 0.0
    spread = variance + n * tau2
    evidence = math.log(1 / alpha) + 0.5 * math.log(spread / variance)
    return math.sqrt(2 * variance * spread / (n * n * tau2) * evidence)


def best_tau2(*, variance: float, n: int, alpha: float) -> float:
    """The tau2 whose confidence sequence is narrowest at n rows, nearly: chosen before the rows, never after.

    Minimises the radius in x = n tau2 / V: log(1 + x) = x - 2 log(1/alpha) at the minimum, solved by
    iteration.
    """
    check_alpha(alpha)
    if n < 1 or not variance > 0:
        raise RefusedError(f"a mixture for {n} rows of variance {variance} has no scale")
    x = 2 * math.log(1 / alpha)
    for _ in range(50):
        x = 2 * math.log(1 / alpha) + math.log1p(x)
    return x * variance / n


def check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise RefusedError(f"alpha lies between 0 and 1, found {alpha}")


def _check(n: int, mean: float, variance: float, tau2: float) -> None:
    if n < 0 or not math.isfinite(mean) or not (0 <= variance < math.inf) or not (0 < tau2 < math.inf):
        raise RefusedError(f"no test of n = {n}, mean = {mean}, variance = {variance}, tau2 = {tau2}")
