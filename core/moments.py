"""Number, mean, spread and range of some values, such that two sets can be put together without the values.

Merged as Chan, Golub and LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances":
no difference of large sums is taken, so values far from zero keep their spread. Loads without numpy; binning.py takes
them.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Moments:
    """Of `count` finite values; `m2` is the sum of squared distances from the mean. One value or more."""

    count: int
    mean: float
    m2: float
    minimum: float
    maximum: float

    @property
    def deviation(self) -> float:
        """The standard deviation over count, as numpy.std(); 0 and up, in the values' unit."""
        return math.sqrt(self.m2 / self.count)

    def merge(self, other: Moments) -> Moments:
        """Of both sets of values."""
        total = self.count + other.count
        gap = other.mean - self.mean
        return Moments(
            count=total,
            mean=self.mean * (self.count / total) + other.mean * (other.count / total),
            m2=min(
                self.m2 + other.m2 + gap * gap * (self.count * other.count / total), sys.float_info.max
            ),  # JSON has no infinity
            minimum=min(self.minimum, other.minimum),
            maximum=max(self.maximum, other.maximum),
        )

    def to_list(self) -> list[Any]:
        return [self.count, self.mean, self.m2, self.minimum, self.maximum]

    @classmethod
    def from_list(cls, data: list[Any]) -> Moments:
        count, mean, m2, minimum, maximum = data
        return cls(count=count, mean=mean, m2=m2, minimum=minimum, maximum=maximum)
