"""How much a client has asked in this moment: token buckets for requests, rows and bytes a second.

A bucket holds what one second gives. A request goes through while the bucket is not empty and may put it into debt, so
that a body larger than a second's worth is not refused for ever; the next ones wait until the debt is paid, and the
rate holds on average.

Several processes on one port share a client's buckets: each writes what it has let through, a sum that only grows,
into its own slot of a file that all of them have in memory, and takes off its bucket what the others have added since
it last looked. Nobody locks; two processes may at worst let one request each through at the same instant.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from quarterdeck.core.clients import Rates

KINDS = ("requests", "rows", "bytes")
MOST_PROCESSES = 64
_SLOT = len(KINDS) * 8  # bytes


class Slots:
    """What each process has let through for one client, in a file of shared memory; this process has one slot."""

    def __init__(self, path: Path, process: int) -> None:
        if not 0 <= process < MOST_PROCESSES:
            raise ValueError(f"process {process} of at most {MOST_PROCESSES}")
        size = MOST_PROCESSES * _SLOT
        with path.open("a+b") as file:
            path.chmod(0o600)
            file.truncate(size)  # longer by zeros where it is new; what is there stays
            self._memory = memoryview(mmap.mmap(file.fileno(), size)).cast("d")
        self._mine = process * len(KINDS)

    def add(self, kind: int, amount: float) -> None:
        self._memory[self._mine + kind] += amount

    def others(self, kind: int) -> float:
        """The sum over the other processes."""
        return sum(self._memory[kind :: len(KINDS)].tolist()) - self._memory[self._mine + kind]


class Bucket:
    """One rate of one client in this process."""

    __slots__ = ("_at", "_kind", "_least", "_level", "_others", "_rate", "_slots")

    def __init__(self, kind: int, rate: float, now: float, slots: Slots | None) -> None:
        self._kind = kind
        self._rate = rate
        self._least = 1.0 if KINDS[kind] == "requests" else 1e-9  # a whole request, any part of the others
        self._level = rate
        self._at = now
        self._slots = slots
        self._others = 0.0 if slots is None else slots.others(kind)

    def wait(self, now: float) -> float:
        """Seconds until something may go through; 0 for now."""
        level = min(self._rate, self._level + (now - self._at) * self._rate)
        if self._slots is not None:
            others = self._slots.others(self._kind)
            level -= others - self._others
            self._others = others
        self._level, self._at = level, now
        return 0.0 if level >= self._least else (self._least - level) / self._rate

    def take(self, amount: float) -> None:
        """This much goes through."""
        self._level -= amount
        if self._slots is not None:
            self._slots.add(self._kind, amount)


class Full(NamedTuple):
    """Which rate was met, and how many seconds it takes until something goes through again."""

    kind: str
    rate: int
    wait: float


class Meter:
    """The buckets of one client."""

    def __init__(self, rates: Rates, slots: Slots | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.rates = rates
        self._clock = clock
        limited = rates.set()
        self._buckets = {
            name: Bucket(kind, limited[name], clock(), slots) for kind, name in enumerate(KINDS) if name in limited
        }

    def full(self) -> Full | None:
        """The rate that keeps a request out now; None where none does."""
        now = self._clock()
        for name, bucket in self._buckets.items():
            if wait := bucket.wait(now):
                return self._full(name, wait)
        return None

    def full_of(self, kind: str) -> Full | None:
        """The same, of one kind."""
        bucket = self._buckets.get(kind)
        wait = 0.0 if bucket is None else bucket.wait(self._clock())
        return self._full(kind, wait) if wait else None

    def _full(self, kind: str, wait: float) -> Full:
        return Full(kind, self.rates.set()[kind], wait)

    def take(self, kind: str, amount: int) -> None:
        bucket = self._buckets.get(kind)
        if bucket is not None:
            bucket.take(amount)


class Meters:
    """One for every client that has rates; a client keeps its own while its rates stay."""

    def __init__(self, folder: Path | None = None, process: int = 0) -> None:
        """`folder`: where several processes of one server share what they let through; None for a single one."""
        self._folder = folder
        self._process = process
        self._meters: dict[str, Meter] = {}

    def of(self, name: str, rates: Rates) -> Meter | None:
        if not rates.set():
            self._meters.pop(name, None)
            return None
        found = self._meters.get(name)
        if found is None or found.rates != rates:
            found = self._meters[name] = Meter(rates, self._slots(name))
        return found

    def _slots(self, name: str) -> Slots | None:
        if self._folder is None:
            return None
        self._folder.mkdir(mode=0o700, exist_ok=True)
        return Slots(self._folder / name, self._process)
