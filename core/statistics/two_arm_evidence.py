"""The two ways in which two_arms.py gathers evidence on the differences of its pairs; why, is said there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.statistics import betting, t_mixture
from quarterdeck.core.statistics.msprt import best_tau2

Floats = NDArray[np.float64]

MINIMUM_VARYING = 20  # pairs that differ, before Student's t is asked
_PLANNED = 10  # its mixture is sharpest at this many times the minimum


class Evidence(Protocol):
    """On the mean of differences (pairs,), in order of arrival, against its being `margin`."""

    def strongest(self, differences: Floats) -> float:
        """The greatest log E at any look that counts, at least 0; 0 where none does."""
        ...

    def interval(self, differences: Floats) -> tuple[float, float] | None:
        """The confidence sequence's interval now; None before evidence counts."""
        ...

    def pairs_to_decide(self, differences: Floats) -> int | None:
        """About how many pairs in all, more than there are, until the interval leaves the margin out."""
        ...


@dataclass(frozen=True, slots=True)
class Student(Evidence):
    """Of losses without bounds, by t_mixture.py."""

    minimum: int
    margin: float
    alpha: float

    @property
    def g(self) -> float:
        return best_tau2(variance=1.0, n=_PLANNED * self.minimum, alpha=self.alpha)

    def strongest(self, differences: Floats) -> float:
        start = self._start(differences)
        if start is None:
            return 0.0
        return max(0.0, float(t_mixture.log_evidence(differences - self.margin, g=self.g)[start - 1 :].max()))

    def interval(self, differences: Floats) -> tuple[float, float] | None:
        if self._start(differences) is None:
            return None
        mean, variance = float(differences.mean()), float(differences.var(ddof=1))
        radius = t_mixture.confidence_radius(n=len(differences), variance=variance, g=self.g, alpha=self.alpha)
        return (mean - radius, mean + radius) if math.isfinite(radius) else None

    def pairs_to_decide(self, differences: Floats) -> int | None:
        n, varying = len(differences), int(np.count_nonzero(differences))
        if n < self.minimum:
            return self.minimum
        if varying < MINIMUM_VARYING:
            return math.ceil(MINIMUM_VARYING * n / varying) if varying else None
        deviation = float(differences.std(ddof=1))
        if deviation == 0:
            return None
        total = t_mixture.rows_to_decide(
            (float(differences.mean()) - self.margin) / deviation, g=self.g, alpha=self.alpha
        )
        return None if total is None else max(n + 1, total)

    def _start(self, differences: Floats) -> int | None:
        """The pair from which evidence counts; None where there is none yet."""
        varying = np.flatnonzero(differences)
        if len(varying) < MINIMUM_VARYING or len(differences) < self.minimum:
            return None
        return max(self.minimum, int(varying[MINIMUM_VARYING - 1]) + 1)


@dataclass(frozen=True, slots=True)
class Betting(Evidence):
    """Of losses with bounds, by betting.py: a difference of two is within their width of 0."""

    minimum: int
    margin: float
    alpha: float
    bounds: tuple[float, float]

    def __post_init__(self) -> None:
        if not abs(self.margin) < self._width < math.inf:
            raise RefusedError(f"a margin of {self.margin} has no place in differences of losses in {self.bounds}")

    @property
    def _width(self) -> float:
        return self.bounds[1] - self.bounds[0]

    def strongest(self, differences: Floats) -> float:
        if len(differences) < self.minimum:
            return 0.0
        path = betting.log_evidence(differences, low=-self._width, high=self._width, mean=self.margin)
        return max(0.0, float(path[self.minimum - 1 :].max()))

    def interval(self, differences: Floats) -> tuple[float, float] | None:
        if len(differences) < self.minimum:
            return None
        return betting.confidence_interval(differences, low=-self._width, high=self._width, alpha=self.alpha)

    def pairs_to_decide(self, differences: Floats) -> int | None:
        if len(differences) < self.minimum:
            return self.minimum
        total = betting.rows_to_decide(
            differences, low=-self._width, high=self._width, mean=self.margin, alpha=self.alpha
        )
        return None if total is None else max(len(differences) + 1, total)
