"""When to try again what keeps failing: at once, then after twice as long each time, up to half a minute.

Waits are counted on a monotonic clock: a change of the machine's time neither shortens nor lengthens them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST_S = 0.5
LAST_S = 30.0
STEADY_S = 10.0  # up for so long, and the next failure is the first again
LOOP = 3  # failures on end that make a crash loop


class Backoff:
    """One thing that is started again and again."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None  # the last start
        self._not_before = 0.0
        self.failures = 0

    @property
    def ready(self) -> bool:
        """Whether it may be started now."""
        return self._clock() >= self._not_before

    @property
    def wait_s(self) -> float:
        """How long until it may be started."""
        return max(0.0, self._not_before - self._clock())

    @property
    def looping(self) -> bool:
        """It has failed several times on end."""
        return self.failures >= LOOP

    def started(self) -> None:
        self._began = self._clock()

    def look(self) -> None:
        """It runs: after a while the failures before are forgotten."""
        if self._began is not None and self._clock() - self._began > STEADY_S:
            self.failures = 0

    def failed(self) -> None:
        """It has ended by itself, or could not be started."""
        self.look()
        self._began = None
        self._not_before = self._clock() + (min(FIRST_S * 2 ** (self.failures - 1), LAST_S) if self.failures else 0.0)
        self.failures += 1

    def succeeded(self) -> None:
        """It has done what it was started for."""
        self.failures, self._not_before, self._began = 0, 0.0, None
