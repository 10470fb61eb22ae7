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
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class IdMaker:
    """Makes rising ids; safe to use from several threads and after a fork."""

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._milliseconds = -1
        self._counter = 0
        self._process = 0
        self._random = random.Random()  # noqa: S311  # unique, not secret

    def __call__(self) -> str:
        """Return the next id, 36 characters."""
        with self._lock:
            milliseconds, counter = self._next(self._clock_ns() // 1_000_000)
        high = (milliseconds << 16) | 0x7000 | (counter >> 62)
        low = (1 << 63) | (counter & 0x3FFF_FFFF_FFFF_FFFF)
        text = f"{high:016x}{low:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def _next(self, now: int) -> tuple[int, int]:
        process = os.getpid()
        if process != self._process:  # a fork must not go on with its parent's numbers
            self._process = process
            self._random = random.Random(os.urandom(32))  # noqa: S311  # os.urandom alone would be half of an id's cost
            self._counter = self._random.getrandbits(_START_BITS)
        elif now > self._milliseconds:
            self._counter = self._random.getrandbits(_START_BITS)
        else:
            self._counter += 1 + self._random.getrandbits(32)
            if self._counter >> _COUNTER_BITS:
                self._milliseconds += 1
                self._counter = 0
        self._milliseconds = max(now, self._milliseconds)
        return self._milliseconds, self._counter


new_id = IdMaker()


def time_of(identifier: str) -> datetime:
    """The UTC time in an id, to the millisecond. Raises UsageError where the text is no version 7 id."""
    digits = identifier.replace("-", "")
    if len(identifier) != 36 or len(digits) != 32 or digits[12] != "7" or not _is_hexadecimal(digits):
        raise UsageError(f"{identifier!r} is not an id of this project", hint="36 characters, UUID version 7")
    return _EPOCH + timedelta(milliseconds=int(digits[:12], 16))


def _is_hexadecimal(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)
