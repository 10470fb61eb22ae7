"""ADWIN: a window over a stream that grows while its mean stands still, and shrinks when it has moved.

The window is kept as sums over buckets of 1, 2, 4, ... values, so that n values cost the memory of log n. At every
`clock`-th value each border between buckets is tried: where the means of the older and the newer part differ by more
than

    eps = sqrt(2 / m * s^2 * d) + 2 / (3 m) * d,   1 / m = 1 / n0 + 1 / n1,  d = ln(2 ln(n) / delta)

the oldest bucket goes. Bifet and Gavalda 2007, "Learning from time-changing data with adaptive windowing" (ADWIN2).
It says "drift" at the very values where river.drift.ADWIN 0.26 does, and begins anew after it, as that does.
"""

from __future__ import annotations

import math

from quarterdeck.core.errors import RefusedError

_Bucket = tuple[float, float]  # the sum of its values, and their squared distances from its mean


class Adwin:
    """Takes one number after another; a value of any scale, for the spread is the window's own."""

    def __init__(
        self,
        *,
        delta: float = 0.002,
        clock: int = 32,
        max_buckets: int = 5,
        min_window: int = 5,
        grace_period: int = 10,
    ) -> None:
        if not 0 < delta < 1:
            raise RefusedError(f"delta {delta:g} is no probability", hint="above 0, below 1")
        self._delta = delta
        self._clock = clock
        self._max_buckets = max_buckets
        self._min_window = min_window
        self._grace_period = grace_period
        self.drifted = False
        self._begin()

    def _begin(self) -> None:
        self._rows: list[list[_Bucket]] = [[]]  # row i: buckets of 2^i values, the oldest first
        self.width = 0
        self._total = 0.0
        self._squares = 0.0  # squared distances from the mean of all values in the window
        self._ticks = 0

    @property
    def mean(self) -> float:
        """Of the window; 0 while it is empty."""
        return self._total / self.width if self.width else 0.0

    def update(self, value: float) -> bool:
        """Take the next value; True where the mean has moved. Raises RefusedError on NaN and infinity."""
        if not math.isfinite(value):
            raise RefusedError(f"a stream of numbers holds {value}")
        if self.drifted:
            self._begin()
        self._insert(value)
        self._ticks += 1
        self.drifted = self._ticks % self._clock == 0 and self.width > self._grace_period and self._shrink()
        return self.drifted

    def _insert(self, value: float) -> None:
        self._rows[0].append((value, 0.0))
        self.width += 1
        if self.width > 1:
            gap = value - self._total / (self.width - 1)
            self._squares += (self.width - 1) * gap * gap / self.width
        self._total += value
        self._compress()

    def _compress(self) -> None:
        """Put the two oldest buckets of a row that is too long into one of the next row."""
        for level, row in enumerate(self._rows):
            if len(row) <= self._max_buckets:
                return
            if level + 1 == len(self._rows):
                self._rows.append([])
            (total, squares), (other_total, other_squares) = row[:2]
            size = float(2**level)
            gap = total / size - other_total / size
            merged = squares + other_squares + size * size * gap * gap / (size + size)
            self._rows[level + 1].append((total + other_total, merged))
            del row[:2]

    def _shrink(self) -> bool:
        """Drop the oldest bucket for as long as some border parts two different means; whether any was dropped."""
        dropped = False
        while self.width > 0 and self._cut():
            dropped = True
            self._drop_oldest()
        return dropped

    def _cut(self) -> bool:
        """Whether the means on the two sides of any border between buckets differ."""
        older, older_total = 0, 0.0
        for level in range(len(self._rows) - 1, -1, -1):
            for total, _ in self._rows[level]:
                older += 2**level
                older_total += total
                newer = self.width - older
                if newer <= 0:
                    return False
                gap = older_total / older - (self._total - older_total) / newer
                if min(older, newer) >= self._min_window and abs(gap) > self._epsilon(older, newer):
                    return True
        return False

    def _epsilon(self, older: int, newer: int) -> float:
        d = math.log(2 * math.log(self.width) / self._delta)
        least = self._min_window
        one_by_m = 1.0 / (older - least + 1) + 1.0 / (newer - least + 1)
        spread = self._squares / self.width
        return math.sqrt(2 * one_by_m * max(spread, 0.0) * d) + 2 / 3 * d * one_by_m

    def _drop_oldest(self) -> None:
        row = self._rows[-1]
        size = 2 ** (len(self._rows) - 1)
        total, squares = row.pop(0)
        self.width -= size
        self._total -= total
        if self.width:
            gap = total / size - self._total / self.width
            self._squares -= squares + size * self.width * gap * gap / (size + self.width)
        if not row and len(self._rows) > 1:
            self._rows.pop()
