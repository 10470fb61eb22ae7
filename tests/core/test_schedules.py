"""Schedules: intervals that do not drift, and what was missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.schedules import due_times, missed, next_due
from quarterdeck.core.values import TriggerKind

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENTS = st.integers(0, 20 * 365 * 86_400).map(lambda seconds: NOON + timedelta(seconds=seconds))


def spec(**changes: object) -> TriggerSpec:
    return TriggerSpec(name="t", kind=TriggerKind.SCHEDULE, **changes)  # type: ignore[arg-type]


def test_an_interval_counts_from_the_same_moment_everywhere() -> None:
    found = islice(due_times(spec(every=timedelta(hours=6)), NOON + timedelta(minutes=7)), 3)
    assert [at.hour for at in found] == [18, 0, 6]


@given(MOMENTS, st.integers(1, 10**6))
def test_an_interval_does_not_drift_however_late_it_is_asked(after: datetime, seconds: int) -> None:
    every = timedelta(seconds=seconds)
    at = next_due(spec(every=every), after)
    assert at is not None and timedelta(0) < at - after <= every
    assert next_due(spec(every=every), at + every / 3) == at + every


@pytest.mark.parametrize("changes", [{"every": timedelta(hours=1)}, {"cron": "0 * * * *"}])
def test_what_was_missed_is_counted_and_the_newest_are_kept(changes: dict[str, object]) -> None:
    times, older = missed(spec(**changes), NOON, NOON + timedelta(hours=5, minutes=10), 2)
    assert (times, older) == ([NOON + timedelta(hours=4), NOON + timedelta(hours=5)], 4)
    assert missed(spec(**changes), NOON, NOON, 24) == ([NOON], 0)


def test_a_line_of_every_minute_is_not_counted_through_for_years() -> None:
    now = NOON + timedelta(days=3_000)
    times, older = missed(spec(cron="* * * * *"), NOON, now, 3)
    assert times == [now - timedelta(minutes=2), now - timedelta(minutes=1), now]
    assert older >= 1_000


def test_due_times_end_with_the_calendar() -> None:
    end = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)
    assert len(list(due_times(spec(every=timedelta(days=1)), end))) <= 2
    assert len(list(due_times(spec(cron="0 0 * * *"), end))) <= 2
