"""Schedules: cron as cron means it, time zones, and jobs that follow the trigger rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quarterdeck.core.errors import ManifestError
from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.operations import Trigger
from quarterdeck.core.values import TriggerKind
from quarterdeck.scheduler.timetable import Timetable, schedule


def spec(cron: str | None = None, **changes: object) -> TriggerSpec:
    return TriggerSpec(name="nightly", kind=TriggerKind.SCHEDULE, cron=cron, **changes)  # type: ignore[arg-type]


def fires(wanted: TriggerSpec, after: datetime, count: int) -> list[datetime]:
    found: list[datetime] = []
    trigger, previous = schedule(wanted), None
    while len(found) < count:
        at = trigger.get_next_fire_time(previous, (found[-1] + timedelta(seconds=1)) if found else after)
        assert at is not None
        found.append(at.astimezone(UTC))
        previous = at
    return found


SUNDAY = datetime(2026, 3, 1, tzinfo=UTC)  # the calendar's own


@pytest.mark.parametrize(
    ("weekday", "days"),
    [
        ("0", [0]),
        ("7", [0]),
        ("1-5", [1, 2, 3, 4, 5]),
        ("0,6", [0, 6]),
        ("5-7", [0, 5, 6]),
        ("*/2", None),
        ("mon-wed", [1, 2, 3]),
        ("1-5/2", [1, 3, 5]),
    ],
)
def test_weekdays_count_from_sunday_as_in_crontab(weekday: str, days: list[int] | None) -> None:
    found = fires(spec(f"0 12 * * {weekday}"), SUNDAY, 7)
    in_first_week = sorted((at.date() - SUNDAY.date()).days for at in found if at < SUNDAY + timedelta(days=7))
    if days is not None:
        assert in_first_week == days
    assert in_first_week


def test_a_cron_time_keeps_its_local_hour_across_daylight_saving() -> None:
    wanted = spec("0 3 * * *", timezone="America/New_York")
    found = fires(wanted, datetime(2026, 3, 7, 12, tzinfo=UTC), 2)  # the clocks go forward on 8 March 2026 at 2:00
    assert [at.hour for at in found] == [7, 7]
    assert fires(wanted, datetime(2026, 3, 6, 12, tzinfo=UTC), 1)[0].hour == 8


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (spec("61 * * * *"), "61"),
        (spec("0 0 * * 9"), "weekday"),
        (spec("0 0 * *"), "4 fields"),
        (spec("0 0 * * *", timezone="Mars/Olympus"), "no time zone"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused_with_what_is_wrong(bad: TriggerSpec, says: str) -> None:
    with pytest.raises(ManifestError, match=says):
        schedule(bad)


TRIGGER = Trigger(
    id=1, pipeline="flights", name="nightly", kind=TriggerKind.SCHEDULE, spec={}, paused=False, last_fired_at=None,
    last_evidence_at=None, next_fire_at=None,
)  # fmt: skip


@pytest.fixture
def due() -> list[Trigger]:
    return []


@pytest.fixture
def rang() -> threading.Event:
    return threading.Event()


@pytest.fixture
def timetable(due: list[Trigger], rang: threading.Event) -> Iterator[Timetable]:
    def ring(trigger: Trigger) -> None:
        due.append(trigger)
        rang.set()

    table = Timetable(ring)
    table.start()
    yield table
    table.stop()


def test_an_interval_trigger_comes_due(timetable: Timetable, due: list[Trigger], rang: threading.Event) -> None:
    timetable.plan({1: (TRIGGER, spec(every=timedelta(seconds=1)))})
    assert rang.wait(10)
    assert due[0] == TRIGGER


def test_the_next_fire_of_a_planned_trigger_is_known_and_a_paused_one_has_none(timetable: Timetable) -> None:
    yearly = spec("0 0 1 1 *")
    timetable.plan({1: (TRIGGER, yearly)})
    at = timetable.next_fires()[1]
    assert at is not None and (at.month, at.day) == (1, 1)
    timetable.plan({1: (replace(TRIGGER, paused=True), yearly)})
    assert timetable.next_fires() == {1: None}
    timetable.plan({})
    assert timetable.next_fires() == {}
