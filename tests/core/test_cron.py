"""Crontab lines: what their fields mean, and what becomes of them when the clocks change.

The tables were written by hand from the zones' rules: New York goes from 2:00 to 3:00 on 8 March 2026 (7:00 UTC) and
from 2:00 back to 1:00 on 1 November (6:00 UTC); Berlin from 2:00 to 3:00 on 29 March (1:00 UTC) and from 3:00 back to
2:00 on 25 October (1:00 UTC); Lord Howe by half an hour: from 2:00 to 2:30 on 4 October (15:30 UTC the day before) and
from 2:00 back to 1:30 on 5 April (15:00 UTC the day before).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.cron import next_time, parse_cron

MOMENTS = st.integers(0, 15 * 365 * 86_400).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
NEW_YORK, BERLIN, LORD_HOWE = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"


def fires(line: str, zone: str, after: datetime, count: int) -> list[datetime]:
    found: list[datetime] = []
    for _ in range(count):
        at = next_time(parse_cron(line), ZoneInfo(zone), found[-1] if found else after)
        assert at is not None
        found.append(at)
    return found


# zone, day on which the clocks change, line, times in UTC from that day's local midnight on
FORWARD = [
    # a fixed time that does not exist comes when the clocks jump, and the next day at its own time
    (NEW_YORK, "2026-03-08", "30 2 * * *", "08 07:00, 09 06:30"),
    (NEW_YORK, "2026-03-08", "0,15,30 2 * * *", "08 07:00, 09 06:00"),
    (NEW_YORK, "2026-03-08", "0 3 * * *", "08 07:00, 09 07:00"),
    (NEW_YORK, "2026-03-08", "30 1 * * *", "08 06:30, 09 05:30"),
    (BERLIN, "2026-03-29", "30 2 * * *", "29 01:00, 30 00:30"),
    (BERLIN, "2026-03-29", "59 1 * * *", "29 00:59, 29 23:59"),
    (LORD_HOWE, "2026-10-04", "15 2 * * *", "03 15:30, 04 15:15"),
    (LORD_HOWE, "2026-10-04", "30 2 * * *", "03 15:30, 04 15:30"),
    # one that repeats leaves out what does not exist
    (NEW_YORK, "2026-03-08", "0 * * * *", "08 05:00, 08 06:00, 08 07:00, 08 08:00"),
    (NEW_YORK, "2026-03-08", "*/30 2 * * *", "09 06:00, 09 06:30"),
    (BERLIN, "2026-03-29", "*/30 * * * *", "28 23:00, 28 23:30, 29 00:00, 29 00:30, 29 01:00, 29 01:30"),
    (LORD_HOWE, "2026-10-04", "0 * * * *", "03 13:30, 03 14:30, 03 16:00, 03 17:00"),
    (LORD_HOWE, "2026-10-04", "*/15 * * * *", None),
]
BACK = [
    # a fixed time that comes twice counts once, the first time
    (NEW_YORK, "2026-11-01", "30 1 * * *", "01 05:30, 02 06:30"),
    (NEW_YORK, "2026-11-01", "0 2 * * *", "01 07:00, 02 07:00"),
    (BERLIN, "2026-10-25", "30 2 * * *", "25 00:30, 26 01:30"),
    (BERLIN, "2026-10-25", "0 3 * * *", "25 02:00, 26 02:00"),
    (LORD_HOWE, "2026-04-05", "45 1 * * *", "04 14:45, 05 15:15"),
    (LORD_HOWE, "2026-04-05", "0 2 * * *", "04 15:30, 05 15:30"),
    # one that repeats goes on with the time as it passes
    (NEW_YORK, "2026-11-01", "0 * * * *", "01 04:00, 01 05:00, 01 06:00, 01 07:00"),
    (NEW_YORK, "2026-11-01", "*/30 1 * * *", "01 05:00, 01 05:30, 01 06:00, 01 06:30, 02 06:00"),
    (BERLIN, "2026-10-25", "*/30 * * * *", "24 22:00, 24 22:30, 24 23:00, 24 23:30, 25 00:00, 25 00:30, 25 01:00"),
    (LORD_HOWE, "2026-04-05", "45 * * * *", "04 13:45, 04 14:45, 04 15:15, 04 16:15"),
]


@pytest.mark.parametrize(("zone", "day", "line", "wanted"), FORWARD + BACK)
def test_when_the_clocks_change_a_line_does_what_the_table_says(
    zone: str, day: str, line: str, wanted: str | None
) -> None:
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if wanted is None:  # every quarter of an hour that passes
        found = fires(line, zone, midnight - timedelta(minutes=1), 40)
        assert {b - a for a, b in pairwise(found)} == {timedelta(minutes=15)}
        return
    times = wanted.split(", ")
    assert [f"{at:%d %H:%M}" for at in fires(line, zone, midnight - timedelta(minutes=1), len(times))] == times


def test_a_year_of_a_daily_line_has_a_time_for_each_day_in_every_zone() -> None:
    for zone in (NEW_YORK, BERLIN, LORD_HOWE):
        for line in ("30 2 * * *", "15 2 * * *", "30 1 * * *", "0 0 * * *"):
            begin = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)) - timedelta(minutes=1)
            found = fires(line, zone, begin.astimezone(UTC), 365)
            days = [at.astimezone(ZoneInfo(zone)).date() for at in found]
            assert len(set(days)) == 365


@given(MOMENTS, st.sampled_from([NEW_YORK, BERLIN, LORD_HOWE]))
def test_the_hourly_line_never_waits_longer_than_the_jump_allows(after: datetime, zone: str) -> None:
    (at,) = fires("0 * * * *", zone, after, 1)
    assert timedelta(0) < at - after <= timedelta(minutes=90)
    assert at.astimezone(ZoneInfo(zone)).minute == 0


@given(MOMENTS, st.sampled_from(["17 4 * * *", "*/7 * * * *"]))
def test_the_next_time_is_the_same_from_every_moment_before_it(after: datetime, line: str) -> None:
    (at,) = fires(line, BERLIN, after, 1)
    between = after + (at - after) / 2
    assert fires(line, BERLIN, between, 1) == [at]
    assert fires(line, BERLIN, at - timedelta(seconds=1), 1) == [at]
    assert fires(line, BERLIN, at, 1)[0] > at


SUNDAY = datetime(2026, 3, 1, tzinfo=UTC)  # the calendar's own


@pytest.mark.parametrize(
    ("weekday", "days"),
    [
        ("0", [0]),
        ("7", [0]),
        ("1-5", [1, 2, 3, 4, 5]),
        ("0,6", [0, 6]),
        ("5-7", [0, 5, 6]),
        ("*/2", [0, 2, 4, 6]),
        ("mon-wed", [1, 2, 3]),
        ("fri-sun", [0, 5, 6]),
        ("1-5/2", [1, 3, 5]),
    ],
)
def test_weekdays_count_from_sunday_as_in_crontab(weekday: str, days: list[int]) -> None:
    found = fires(f"0 12 * * {weekday}", "UTC", SUNDAY, 7)
    assert sorted({(at.date() - SUNDAY.date()).days for at in found if at < SUNDAY + timedelta(days=7)}) == days


def test_where_both_day_fields_are_restricted_either_is_enough() -> None:
    assert [at.day for at in fires("0 0 13 * 5", "UTC", SUNDAY, 4)] == [6, 13, 20, 27]  # Fridays, and the 13th
    assert [at.day for at in fires("0 0 15 * 5", "UTC", SUNDAY, 4)] == [6, 13, 15, 20]


def test_the_last_day_of_a_month_and_a_leap_day_are_found() -> None:
    assert [f"{at:%m-%d}" for at in fires("0 0 last * *", "UTC", SUNDAY, 3)] == ["03-31", "04-30", "05-31"]
    assert fires("0 0 29 2 *", "UTC", datetime(2096, 3, 1, tzinfo=UTC), 1)[0].year == 2104


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("61 * * * *", "minute '61': expected 0 to 59"),
        ("* 24 * * *", "hour '24'"),
        ("0 0 0 * *", "day '0'"),
        ("0 0 * 13 *", "month '13'"),
        ("0 0 * * 9", "weekday '9'"),
        ("0 0 * *", "4 fields"),
        ("0 0 31 2 *", "never comes"),
        ("5-1 * * * *", "minute '5-1'"),
        ("*/0 * * * *", "minute '*/0'"),
        ("a * * * *", "minute 'a'"),
        ("1,,2 * * * *", "minute ''"),
        ("0 0 * * mon#2", "weekday"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_its_field(line: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_cron(line)
