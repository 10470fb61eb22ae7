"""Estimates for all rows from some of them, each weighed by one over the probability with which it was drawn.

Horvitz and Thompson, A generalization of sampling without replacement from a finite universe, JASA 47 (1952); the
ratio of two such totals after Hájek (1971), with its variance by linearization for independent draws (Särndal,
Swensson and Wretman, Model Assisted Survey Sampling, 1992, sections 3.2 and 5.6). Plain Python: the console asks it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from quarterdeck.core.errors import RefusedError

Z95 = 1.959963984540054


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A value for all rows, its standard error, and the rows it was made from."""

    value: float
    standard_error: float
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """Where the value lies with 95 % confidence, by the normal approximation."""
        return self.value - Z95 * self.standard_error, self.value + Z95 * self.standard_error


def total(values: Sequence[float], probabilities: Sequence[float]) -> Estimate:
    """The sum over all rows (Horvitz-Thompson) from n drawn ones, each with its probability in (0, 1].

    Variance: the sum of (1 - p) / p^2 y^2. Without rows it is 0 with no error. RefusedError for a probability outside
    (0, 1] and for unequal lengths.
    """
    _check(values, probabilities)
    value = math.fsum(y / p for y, p in zip(values, probabilities, strict=True))
    variance = math.fsum((1 - p) / p**2 * y**2 for y, p in zip(values, probabilities, strict=True))
    return Estimate(value=value, standard_error=math.sqrt(variance), n=len(values))


def ratio(tops: Sequence[float], bottoms: Sequence[float], probabilities: Sequence[float]) -> Estimate | None:
    """The sum of `tops` over the sum of `bottoms`, both over all rows; None where that has no meaning.

    With bottoms of 1 it is the mean (Hájek), with the hits and the positives a recall, and so on. Variance: the sum of
    (1 - p) / p^2 (y - r x)^2, over the square of the bottoms' total.
    """
    _check(tops, probabilities)
    _check(bottoms, probabilities)
    below = math.fsum(x / p for x, p in zip(bottoms, probabilities, strict=True))
    if below == 0:
        return None
    value = math.fsum(y / p for y, p in zip(tops, probabilities, strict=True)) / below
    rest = zip(tops, bottoms, probabilities, strict=True)
    variance = math.fsum((1 - p) / p**2 * (y - value * x) ** 2 for y, x, p in rest) / below**2
    return Estimate(value=value, standard_error=math.sqrt(variance), n=len(tops))


def mean(values: Sequence[float], probabilities: Sequence[float]) -> Estimate | None:
    """The mean over all rows (Hájek); None without rows."""
    return ratio(values, [1.0] * len(values), probabilities)


def _check(values: Sequence[float], probabilities: Sequence[float]) -> None:
    if len(values) != len(probabilities):
        raise RefusedError(f"{len(values)} values and {len(probabilities)} probabilities")
    odd = next((p for p in probabilities if not 0 < p <= 1), None)
    if odd is not None:
        raise RefusedError(f"a row cannot have been drawn with probability {odd}", hint="above 0, up to 1")
