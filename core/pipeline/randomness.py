"""The process's random state, shared by steps that run side by side.

`random` and `numpy.random` have one state for the whole process. A step that runs alone gets it seeded, so
that it draws the same numbers in every run. Two of the user's steps at once would take numbers from each
other: then this notices whether anything was drawn. Where nothing was, as is usual, no harm was done;
otherwise a step is dirty, and the runner runs it again alone.
"""

from __future__ import annotations

import hashlib
import random
import threading
from typing import Any

import numpy as np


def seed_for(seed: int, step: str) -> int:
    """The 32-bit seed of one step, from the pipeline's."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{step}".encode()).digest()[:4], "big")


class SharedRandomState:
    """Keeps count of who may have drawn from the random state. Called from several threads."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._running: dict[str, bool] = {}  # step -> whether the state was seeded for it
        self._dirty: set[str] = set()
        self._seen: Any = None

    def begin(self, step: str) -> None:
        """A step starts: alone, it gets a state of its own."""
        with self._lock:
            self._look()
            alone = not self._running
            if alone:
                number = seed_for(self._seed, step)
                random.seed(number)
                np.random.seed(number)
            self._dirty.discard(step)
            self._running[step] = alone
            self._seen = _state()

    def end(self, step: str) -> bool:
        """A step has ended; True where its numbers may depend on what ran beside it."""
        with self._lock:
            self._look()
            del self._running[step]
            self._seen = _state()
            return step in self._dirty

    def _look(self) -> None:
        """Since the last look something was drawn: by whom is not known."""
        if self._running and _state() != self._seen:
            together = len(self._running) > 1
            self._dirty.update(step for step, seeded in self._running.items() if together or not seeded)


def _state() -> Any:
    _, keys, position, has_gauss, gauss = np.random.get_state()
    return random.getstate(), np.asarray(keys).tobytes(), position, has_gauss, gauss
