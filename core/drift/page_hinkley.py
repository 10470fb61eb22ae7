"""The Page-Hinkley test: how far a stream's sum has risen above its lowest point, or fallen below its highest.

    m(t) = alpha m(t-1) + x(t) - mean(t) - delta,   drift where m(t) - min m > lambda

and the same with signs turned for a fall. Page 1954, "Continuous inspection schemes". It says "drift" at the very
values where river.drift.PageHinkley 0.26 does, and begins anew after it, as that does.
"""

from __future__ import annotations

import math

from quarterdeck.core.errors import RefusedError


class PageHinkley:
    """Takes one number after another; `delta` and `threshold` are in their unit."""

    def __init__(
        self,
        *,
        min_instances: int = 30,
        delta: float = 0.005,
        threshold: float = 50.0,
        alpha: float = 1 - 0.0001,
        rises: bool = True,
        falls: bool = True,
    ) -> None:
        self._min_instances = min_instances
        self._delta = delta
        self._threshold = threshold
        self._alpha = alpha
        self._rises = rises
        self._falls = falls
        self.drifted = False
        self._begin()

    def _begin(self) -> None:
        self._n = 0
        self._mean = 0.0
        self._up = self._down = 0.0
        self._lowest = math.inf
        self._highest = -1.0  # where river begins, which decides the very first values

    @property
    def at_lowest(self) -> bool:
        """Whether the sum stands at its lowest point so far: a rise begins after the last of these."""
        return self._up == self._lowest

    def update(self, value: float) -> bool:
        """Take the next value; True where the mean has moved. Raises RefusedError on NaN and infinity."""
        if not math.isfinite(value):
            raise RefusedError(f"a stream of numbers holds {value}")
        if self.drifted:
            self._begin()
        self._n += 1
        self._mean += (value - self._mean) / self._n
        gap = value - self._mean
        self._up = self._alpha * self._up + gap - self._delta
        self._down = self._alpha * self._down + gap + self._delta
        self._lowest = min(self._lowest, self._up)
        self._highest = max(self._highest, self._down)
        risen = self._rises and self._up - self._lowest > self._threshold
        fallen = self._falls and self._highest - self._down > self._threshold
        self.drifted = self._n >= self._min_instances and (risen or fallen)
        return self.drifted
