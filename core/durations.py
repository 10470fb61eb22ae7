"""Lengths of time as people write them: "90s", "10m", "6h", "30d", "2w"."""

from __future__ import annotations

import re
from datetime import timedelta

from quarterdeck.core.errors import UsageError

EXPECTED = 'a duration such as "90s", "10m", "6h", "30d" or "2w"'
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_PATTERN = re.compile(r"([0-9]{1,12})([smhdw])")


def parse_duration(text: str) -> timedelta:
    """A whole number and a unit, nothing between them; zero is allowed. Anything else is a UsageError."""
    found = _PATTERN.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is not a duration", hint=f"expected {EXPECTED}")
    try:
        return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    except OverflowError:
        raise UsageError(f"{text!r} is too long", hint="expected fewer than 1,000,000,000 days") from None


def format_duration(duration: timedelta) -> str:
    """The shortest text that parses to the same duration, in the largest unit that divides it.

    Negative durations and fractions of a second have no such text: ValueError.

    >>> format_duration(timedelta(hours=36)), format_duration(timedelta(days=14))
    ('36h', '2w')
    """
    seconds = duration // timedelta(seconds=1)
    if duration < timedelta(0) or timedelta(seconds=seconds) != duration:
        raise ValueError(f"{duration!r} is not a whole number of seconds from zero on")
    if seconds == 0:
        return "0s"
    unit = next(unit for unit in reversed(_SECONDS) if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"
