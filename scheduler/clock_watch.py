"""Notices that the machine's clock was set, or stood still with the machine: by how much wall and monotonic differ."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

JUMP = timedelta(seconds=5)  # less is the clock being set right, in passing


class ClockWatch:
    """Compares two clocks from look to look, so that a slow correction never adds up to a jump."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen: tuple[datetime, float] | None = None

    def jumped(self, now: datetime) -> timedelta | None:
        """By how much the wall clock went on more, or less, than time did since the last look; None for a little."""
        seen, self._seen = self._seen, (now, self._monotonic())
        if seen is None:
            return None
        jump = (now - seen[0]) - timedelta(seconds=self._seen[1] - seen[1])
        return jump if abs(jump) > JUMP else None
