"""How far a window may lie from the held-out rows before it is worth an alert: their own spread, at the window's size.

The held-out rows are cut into chunks by time. What the chunks differ by beyond what chance makes of so few rows is the
model's own unrest (`between`); to that comes the chance of a window's size, and of the reference's. So one reference
gives a threshold for windows of any size: its value, and three standard deviations to either side, within what the
metric can be. NannyML's thresholds are three standard deviations of the chunks as they are, for windows of their size,
and take the reference's value for exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Any

from quarterdeck.core.performance.beliefs import Measure

CHUNKS = 10
CHUNK_ROWS = 30  # a chunk of fewer says nothing
DEVIATIONS = 3.0  # a window of an unchanged model is beyond them on its worse side once in 700


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricReference:
    """A metric on the n held-out rows. `spread`: of a row (see Measure); `between`: the standard deviation of chunks
    beyond chance. Either is None where the rows were too few to tell."""

    value: float
    spread: float | None
    between: float | None
    n: int

    @property
    def standard_error(self) -> float:
        """Of the value itself; 0 where it is not known."""
        return (self.spread or 0.0) / math.sqrt(self.n)

    def deviation(self, n: int) -> float | None:
        """How far windows of `n` rows lie from the reference by chance: theirs and the reference's own."""
        if self.spread is None or n <= 0:
            return None
        return math.sqrt((self.between or 0.0) ** 2 + self.spread**2 * (1 / n + 1 / self.n))

    def thresholds(self, name: str, n: int, *, looked: int = 1) -> tuple[float | None, float | None]:
        """(low, high) for a window of `n` rows, within the metric's range; (None, None) where there are none.

        Where so many slices are `looked` at together, all of them err as often as one alone would (Bonferroni).
        """
        deviation = self.deviation(n)
        if deviation is None:
            return None, None
        times = DEVIATIONS if looked <= 1 else NormalDist().inv_cdf(1 - NormalDist().cdf(-DEVIATIONS) / looked)
        least, greatest = range_of(name)
        return max(least, self.value - times * deviation), min(greatest, self.value + times * deviation)

    def to_json(self) -> list[Any]:
        return [self.value, self.spread, self.between, self.n]

    @classmethod
    def from_json(cls, data: list[Any]) -> MetricReference:
        value, spread, between, n = data
        return cls(value=value, spread=spread, between=between, n=n)


def chunks_of(n: int) -> list[slice]:
    """Up to CHUNKS parts of n rows, alike in size and in their order; none where they would be too small to compare."""
    count = min(CHUNKS, n // CHUNK_ROWS)
    if count < 3:
        return []
    edges = [round(place * n / count) for place in range(count + 1)]
    return [slice(low, high) for low, high in pairwise(edges)]


def learn_reference(whole: Measure, chunks: Sequence[Measure | None]) -> MetricReference:
    """From a metric on all held-out rows, and on their chunks (None: it had no meaning there)."""
    spread = whole.spread if math.isfinite(whole.spread) else None
    return MetricReference(value=whole.value, spread=spread, between=_between(chunks), n=whole.n)


def _between(chunks: Sequence[Measure | None]) -> float | None:
    """The standard deviation of the chunks' values, less what chance alone would make it."""
    found = [chunk for chunk in chunks if chunk is not None and math.isfinite(chunk.spread)]
    if len(found) < 3:
        return None
    mean = math.fsum(chunk.value for chunk in found) / len(found)
    variance = math.fsum((chunk.value - mean) ** 2 for chunk in found) / (len(found) - 1)
    chance = math.fsum(chunk.standard_error**2 for chunk in found) / len(found)
    return math.sqrt(max(0.0, variance - chance))


def range_of(name: str) -> tuple[float, float]:
    """What a metric can be."""
    if name in ("r2_score", "matthews_corrcoef", "cohen_kappa_score"):
        return -math.inf if name == "r2_score" else -1.0, 1.0
    if name.endswith("_score") or name in ("brier_score_loss", "confidence", "error_rate"):
        return 0.0, 1.0
    return (0.0, math.inf) if name.endswith(("_error", "_loss", "_deviance")) else (-math.inf, math.inf)
