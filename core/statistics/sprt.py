"""Wald's sequential probability ratio test between two given rates: stops as soon as either is clear.

After each observation of 0 or 1 the log likelihood ratio of rate p1 against rate p0 is held against two
bounds: at log((1 - beta) / alpha) or more p1 is taken, at log(beta / (1 - alpha)) or less p0. Wald's bounds
are near: the chance of taking p1 where p0 holds is at most alpha / (1 - beta), that of taking p0 where p1
holds at most beta / (1 - alpha), and both are mostly under alpha and beta, because the ratio oversteps.

Wald 1945, "Sequential tests of statistical hypotheses". It needs both rates named in advance; where they are
not known, msprt.py and sequential_mcnemar.py mix over them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from quarterdeck.core.errors import RefusedError


class SprtDecision(StrEnum):
    CONTINUE = "continue"  # neither bound was reached
    NULL = "null"  # the rate is p0
    ALTERNATIVE = "alternative"  # the rate is p1


@dataclass(frozen=True, kw_only=True, slots=True)
class SprtBounds:
    """The bounds of the log likelihood ratio: lower < 0 < upper."""

    lower: float
    upper: float


def sprt_bounds(*, alpha: float, beta: float) -> SprtBounds:
    """Wald's bounds. Raises RefusedError where alpha or beta lies outside (0, 1) or they add up to 1 or more."""
    if not (0 < alpha < 1 and 0 < beta < 1 and alpha + beta < 1):
        raise RefusedError(f"alpha and beta are positive and add up to less than 1, found {alpha} and {beta}")
    return SprtBounds(lower=math.log(beta / (1 - alpha)), upper=math.log((1 - beta) / alpha))


@dataclass(frozen=True, kw_only=True, slots=True)
class BernoulliSprt:
    """A test of p0 against p1, rates in (0, 1) that differ, and what it has seen. Once decided it stays so."""

    p0: float
    p1: float
    alpha: float = 0.05
    beta: float = 0.2
    n: int = 0
    log_ratio: float = 0.0
    decision: SprtDecision = SprtDecision.CONTINUE

    def __post_init__(self) -> None:
        if not (0 < self.p0 < 1 and 0 < self.p1 < 1 and self.p0 != self.p1):
            raise RefusedError(f"two different rates between 0 and 1 are needed, found {self.p0} and {self.p1}")
        sprt_bounds(alpha=self.alpha, beta=self.beta)

    def add(self, event: bool) -> BernoulliSprt:
        """The state after one more observation; observations after the decision are not counted."""
        if event not in (0, 1):
            raise RefusedError(f"an observation is 0 or 1, found {event}")
        if self.decision is not SprtDecision.CONTINUE:
            return self
        ratio = self.log_ratio + (math.log(self.p1 / self.p0) if event else math.log1p(-self.p1) - math.log1p(-self.p0))
        return replace(self, n=self.n + 1, log_ratio=ratio, decision=self._decide(ratio))

    def _decide(self, ratio: float) -> SprtDecision:
        bounds = sprt_bounds(alpha=self.alpha, beta=self.beta)
        if ratio >= bounds.upper:
            return SprtDecision.ALTERNATIVE
        return SprtDecision.NULL if ratio <= bounds.lower else SprtDecision.CONTINUE
