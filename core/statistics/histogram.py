"""Quantiles of latencies from counts in buckets: what many processes counted adds up, at a bounded error.

Buckets as in HdrHistogram: exact below 2 ** BITS, above that 2 ** (BITS - 1) buckets to each power of two, so that a
bucket is at most 2 ** (1 - BITS) of its values wide. Adding is one step whatever was added before.

Source: G. Tene, HdrHistogram (https://hdrhistogram.org).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

BITS = 9
ERROR = 2.0 ** (1 - BITS)  # the greatest relative error of a quantile, 0.4 %


class Histogram:
    """Counts of whole numbers from 0 on, such as microseconds."""

    def __init__(self, values: Iterable[int] = ()) -> None:
        self._counts: dict[int, int] = {}
        self.n = 0
        self.greatest = 0  # exact
        self._total = 0
        for value in values:
            self.add(value)

    def add(self, value: int) -> None:
        """Count one. Below 0 counts as 0: a clock may have stepped back."""
        value = max(value, 0)
        place = _place(value)
        self._counts[place] = self._counts.get(place, 0) + 1
        self.n += 1
        self._total += value
        if value > self.greatest:
            self.greatest = value

    def merge(self, other: Histogram) -> None:
        """Count all that the other has counted."""
        for place, count in other._counts.items():
            self._counts[place] = self._counts.get(place, 0) + count
        self.n += other.n
        self._total += other._total
        self.greatest = max(self.greatest, other.greatest)

    @property
    def mean(self) -> float | None:
        """Exact; None without values."""
        return self._total / self.n if self.n else None

    def quantile(self, share: float) -> int | None:
        """The least value that at least `share` (0 to 1) of the values do not exceed; None without values.

        It is never below the exact one (numpy's method "inverted_cdf"), and above it by at most ERROR of it.
        """
        if not self.n:
            return None
        wanted, seen = max(math.ceil(share * self.n), 1), 0
        for place in sorted(self._counts):
            seen += self._counts[place]
            if seen >= wanted:
                return min(_highest(place), self.greatest)
        return self.greatest

    def to_json(self) -> dict[str, Any]:
        counts = [[place, count] for place, count in sorted(self._counts.items())]
        return {"bits": BITS, "counts": counts, "total": self._total, "greatest": self.greatest}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Histogram:
        """What to_json() gave. ValueError where its buckets are others."""
        if data["bits"] != BITS:
            raise ValueError(f"a histogram of {data['bits']} bits, not {BITS}")
        found = cls()
        found._counts = {int(place): int(count) for place, count in data["counts"]}
        found.n = sum(found._counts.values())
        found._total, found.greatest = int(data["total"]), int(data["greatest"])
        return found


def _place(value: int) -> int:
    """The number of a value's bucket; ascending with the value."""
    shift = max(value.bit_length() - BITS, 0)
    return (shift << (BITS - 1)) + (value >> shift)


def _highest(place: int) -> int:
    """The greatest value in a bucket."""
    shift = max((place >> (BITS - 1)) - 1, 0)
    return ((place - (shift << (BITS - 1)) + 1) << shift) - 1
