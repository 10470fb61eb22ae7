"""The daemon's rounds: one job after the other, how long each took, and what goes wrong for how long.

What a job raises is recorded and does not keep the rest from its work; only where the store itself cannot be used does
the round end, for the rest would wait for it as well.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from quarterdeck.core.errors import LeaseLostError, QuarterdeckError, UnavailableError

log = logging.getLogger(__name__)

Job = tuple[str, Callable[[datetime], object]]

SLOW_S = 2.0  # a round that takes longer is told of
REMEMBERED = 512  # rounds


class Ticking:
    """Runs rounds. Read by other threads, which see a figure or the one before it."""

    def __init__(self, *, store: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        """`store` is what an error has as its `where` that comes from the store."""
        self._store = store
        self._clock = clock
        self._took: deque[float] = deque(maxlen=REMEMBERED)
        self._slowest: tuple[float, str] = (0.0, "")
        self._rounds = self._slow = 0
        self._told = 0.0
        self._since: dict[str, float] = {}
        self.problems: dict[str, str] = {}
        self.progress = 0  # grows with every job that ends, however it does
        self.at_work: tuple[str, float] | None = None  # the job under way, and since when

    def round(self, jobs: Iterable[Job], now: datetime) -> None:
        """Each job once. LeaseLostError passes: nothing may be done any more."""
        began = self._clock()
        for name, job in jobs:
            started = self._clock()
            self.at_work = (name, started)
            try:
                job(now)
                self._well(name)
            except LeaseLostError:
                raise
            except Exception as error:  # the daemon's one boundary: it must go on, and say what went wrong
                self._went_wrong(name, error)
                if self._is_of_store(error):
                    break
            finally:
                self._note(name, self._clock() - started)
        self._end(self._clock() - began)

    def figures(self) -> dict[str, Any]:
        """How long rounds took, in seconds."""
        took = sorted(self._took) or [0.0]
        return {
            "rounds": self._rounds,
            "median_s": round(took[len(took) // 2], 4),
            "longest_s": round(took[-1], 4),
            "slow": self._slow,
            "slowest_job": self._slowest[1],
            "slowest_job_s": round(self._slowest[0], 4),
        }

    def _well(self, name: str) -> None:
        if self.problems.pop(name, None) is not None:
            log.info("%s works again after %.0f s", name, self._clock() - self._since.pop(name))

    def _went_wrong(self, name: str, error: Exception) -> None:
        said = str(error) or type(error).__name__
        if self.problems.get(name) != said:
            log.error("%s: %s", name, said, exc_info=None if isinstance(error, QuarterdeckError) else error)
        self.problems[name] = said
        self._since.setdefault(name, self._clock())

    def _is_of_store(self, error: Exception) -> bool:
        return isinstance(error, UnavailableError) and bool(self._store) and error.where == self._store

    def _note(self, name: str, took: float) -> None:
        self.at_work = None
        self.progress += 1
        self._slowest = max(self._slowest, (took, name))

    def _end(self, took: float) -> None:
        self._took.append(took)
        self._rounds += 1
        if took <= SLOW_S:
            return
        self._slow += 1
        if self._clock() - self._told > 60 or not self._told:
            self._told = self._clock()
            log.warning("a round took %.1f s; the longest job so far: %s, %.1f s", took, *reversed(self._slowest))
