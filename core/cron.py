"""A crontab line: five fields, a time zone, and what becomes of it when the clocks change.

As Vixie's cron has it (cron(8), crontab(5)): where both day fields are restricted, either of them is enough; 0 and 7
are Sunday. A line of a *fixed* time (neither its minute nor its hour begins with `*`) happens once on each of its days:
a time that does not exist that day comes at the moment the clocks jump, and a time that comes twice counts the first
time only. A line that *repeats* (`*/15 * * * *`, `0 * * * *`) follows the time as it passes: what the jump leaves out
is left out, and an hour that comes twice has its times twice. Loads without any library.
"""

from __future__ import annotations

import calendar
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SEARCHED = 366 * 9  # days: the longest wait, from one 29 February to the next across 2100
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
LAST = "last"  # the last day of the month; beyond crontab(5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cron:
    """The times of a line. `minutes` are minutes of the day; weekdays count from Sunday."""

    minutes: tuple[int, ...]
    days: frozenset[int]
    last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool  # both day fields are restricted: one of them is enough
    repeats: bool

    def has(self, day: date) -> bool:
        """Whether the line has times on a day."""
        if day.month not in self.months:
            return False
        monthly = day.day in self.days or (self.last_day and (day + _DAY).day == 1)
        weekly = day.isoweekday() % 7 in self.weekdays
        return (monthly or weekly) if self.either_day else (monthly and weekly)


@lru_cache(maxsize=4096)
def parse_cron(text: str) -> Cron:
    """The line; ValueError says which field is wrong, and what it may be."""
    fields = text.lower().split()
    if len(fields) != 5:
        raise ValueError(f"{len(fields)} fields")
    minute, hour, day, month, weekday = fields
    minutes, hours = _field("minute", minute, 0, 59), _field("hour", hour, 0, 23)
    parts = day.split(",")
    days = [part for part in parts if part != LAST]
    cron = Cron(
        minutes=tuple(60 * h + m for h in sorted(hours) for m in sorted(minutes)),
        days=_field("day", ",".join(days), 1, 31) if days else frozenset(),
        last_day=LAST in parts,
        months=_field("month", month, 1, 12, _MONTHS),
        weekdays=frozenset(number % 7 for number in _field("weekday", weekday, 0, 7, _WEEKDAYS)),
        either_day=not (day.startswith("*") or weekday.startswith("*")),
        repeats=minute.startswith("*") or hour.startswith("*"),
    )
    if not any(cron.has(date(2023, 1, 1) + _DAY * number) for number in range(366 * 5)):
        raise ValueError(f"day {day} of month {month} never comes")
    return cron


def _field(name: str, text: str, least: int, most: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """`*`, `5`, `1-5`, `*/15`, `10-50/20`, `mon-fri`, and lists of them."""
    found: set[int] = set()
    for part in text.split(","):
        body, slash, step = part.partition("/")
        first, dash, last = body.partition("-")
        try:
            start = least if body == "*" else _number(first, names)
            end = most if body == "*" or (slash and not dash) else _number(last, names) if dash else start
            every = int(step) if slash else 1
        except ValueError:
            raise ValueError(f"{name} {part!r}: expected {least} to {most}") from None
        if end < start and names is not None and not last.isdigit():  # fri-sun, nov-feb: over the end
            span = 7 if name == "weekday" else 12
            found.update((number - least) % span + least for number in range(start, end + span + 1, max(1, every)))
            continue
        if every < 1 or not least <= start <= end <= most:
            raise ValueError(f"{name} {part!r}: expected {least} to {most}")
        found.update(range(start, end + 1, every))
    return frozenset(found)


def _number(text: str, names: dict[str, int] | None) -> int:
    if names is not None and text in names:
        return names[text]
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def next_time(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first time behind `after` (aware), in UTC; None where the calendar ends first."""
    local = after.astimezone(zone).replace(tzinfo=None)
    try:
        day = local.date() - _DAY  # a clock set back over midnight comes to a day again
        for _ in range(_SEARCHED):
            if cron.has(day):
                found = _next_of_day(cron, zone, day, after)
                if found is not None:
                    return found
            day += _DAY
    except OverflowError:
        pass
    return None


def _next_of_day(cron: Cron, zone: ZoneInfo, day: date, after: datetime) -> datetime | None:
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  # a time on the wall; its zone follows
    start, end = midnight.replace(tzinfo=zone), (midnight + _DAY).replace(tzinfo=zone)
    offset = start.utcoffset()
    if offset == end.utcoffset() and offset == start.replace(fold=1).utcoffset():
        begin = start.astimezone(UTC)
        passed = (after - begin) // timedelta(minutes=1)
        index = bisect_right(cron.minutes, passed)
        return begin + timedelta(minutes=cron.minutes[index]) if index < len(cron.minutes) else None
    return next((at for at in _times_of(cron, zone, day) if at > after), None)


@lru_cache(maxsize=4096)
def _times_of(cron: Cron, zone: ZoneInfo, day: date) -> tuple[datetime, ...]:
    """The times of a day on which the clocks change."""
    return tuple(sorted(set(_moments(cron, zone, day))))


def _moments(cron: Cron, zone: ZoneInfo, day: date) -> Iterator[datetime]:
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  # a time on the wall; its zone follows
    for minute in cron.minutes:
        wall = midnight + timedelta(minutes=minute)
        first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first.astimezone(zone).replace(tzinfo=None) != wall:
            if not cron.repeats:
                yield _jump(zone, second, first)
            continue
        yield first
        if cron.repeats and second > first:
            yield second


def _jump(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The moment between two at which the clocks are set."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
