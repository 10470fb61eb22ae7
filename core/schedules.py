"""When a schedule comes due: by a crontab line in a time zone, or at an interval.

An interval is anchored to 1970 UTC, as windows are: `every = "6h"` is 0, 6, 12 and 18 o'clock UTC, on every machine and
after every restart, and does not drift. Loads without any library.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from quarterdeck.core.cron import next_time, parse_cron
from quarterdeck.core.manifest import TriggerSpec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COUNTED = 1_000
LATE = timedelta(seconds=60)  # what comes due is on time so long; later it was missed


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def next_due(spec: TriggerSpec, after: datetime) -> datetime | None:
    """The first due time behind `after`, in UTC."""
    if spec.cron is not None:
        return next_time(parse_cron(spec.cron), _zone(spec.timezone), after)
    assert spec.every is not None
    try:
        return _EPOCH + ((after - _EPOCH) // spec.every + 1) * spec.every
    except OverflowError:
        return None


def due_times(spec: TriggerSpec, after: datetime) -> Iterator[datetime]:
    """The due times behind `after`, one after the other."""
    found = next_due(spec, after)
    while found is not None:
        yield found
        found = next_due(spec, found)


def missed(spec: TriggerSpec, due: datetime, now: datetime, limit: int) -> tuple[list[datetime], int]:
    """The newest `limit` due times from `due` (which has passed) up to `now`, and how many older ones there were.

    A crontab line's times are counted one by one up to a bound; beyond it, the older ones are "at least so many".
    """
    if spec.every is not None:
        count = (now - due) // spec.every + 1
        kept = min(count, limit)
        return [due + number * spec.every for number in range(count - kept, count)], count - kept
    found, dropped = deque([due]), 0
    at = next_due(spec, due)
    while at is not None and at <= now:
        found.append(at)
        if len(found) > limit:
            found.popleft()
            dropped += 1
        if dropped == _COUNTED:  # ahead to the last few: the line goes on as it did so far
            at = max(at, now - 2 * limit * ((at - due) / dropped) - timedelta(days=1))
        at = next_due(spec, at)
    return list(found), dropped
