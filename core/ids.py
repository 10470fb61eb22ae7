"""Identifiers that sort by the time they were made: UUID version 7 as text.

Layout after RFC 9562, section 5.7: 48 bits of Unix milliseconds, version, 12 bits, variant, 62 bits. The 74
bits behind the time start at a random number each millisecond and grow by a random step within it (section
6.2, method 2), so ids of one process rise strictly, also when the clock is set back. They are names, not
secrets. Python 3.14's uuid.uuid7 replaces this.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from quarterdeck.core.errors import UsageError

_COUNTER_BITS = 74
_START_BITS = 73  # one less than there is room for, so that steps fit in behind it
_LOW_BITS = 48  # of the counter, at the end of an id: what stands before them seldom changes
_LOW = (1 << _LOW_BITS) - 1
_START = "%08x-%04x-7%03x-%04x-"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class IdMaker:
    """Makes rising ids; safe to use from several threads."""

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._milliseconds = -1
        self._counter = 0
        self._start, self._high = "", -1
        self.reseed()

    def reseed(self) -> None:
        """Begin anew at a random number: a forked process must not go on with its parent's."""
        self._random = random.Random(os.urandom(32)).getrandbits  # noqa: S311  # unique, not secret
        self._counter = self._random(_START_BITS)

    def __call__(self) -> str:
        """Return the next id, 36 characters."""
        with self._lock:
            now = self._clock_ns() // 1_000_000
            if now > self._milliseconds:
                self._milliseconds = now
                self._counter = self._random(_START_BITS)
            else:
                self._step()
            counter = self._counter
            high = self._milliseconds << (_COUNTER_BITS - _LOW_BITS) | counter >> _LOW_BITS
            if high != self._high:
                self._start, self._high = self._begin(counter), high
            return f"{self._start}{counter & _LOW:012x}"

    def _begin(self, counter: int) -> str:
        milliseconds = self._milliseconds
        return _START % (
            milliseconds >> 16,
            milliseconds & 0xFFFF,
            counter >> 62,
            0x8000 | (counter >> _LOW_BITS) & 0x3FFF,
        )

    def _step(self) -> None:
        """The next one of the same millisecond; where there is no room left, the first one of the next."""
        self._counter += 1 + self._random(32)
        if self._counter >> _COUNTER_BITS:
            self._milliseconds += 1
            self._counter = 0


new_id = IdMaker()
os.register_at_fork(after_in_child=new_id.reseed)


def time_of(identifier: str) -> datetime:
    """The UTC time in an id, to the millisecond. Raises UsageError where the text is no version 7 id."""
    digits = identifier.replace("-", "")
    if len(identifier) != 36 or len(digits) != 32 or digits[12] != "7" or not _is_hexadecimal(digits):
        raise UsageError(f"{identifier!r} is not an id of this project", hint="36 characters, UUID version 7")
    return _EPOCH + timedelta(milliseconds=int(digits[:12], 16))


def _is_hexadecimal(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
