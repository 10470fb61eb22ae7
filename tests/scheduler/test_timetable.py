"""The clock: one call for all that are due together, and nothing lost where a call fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from quarterdeck.core.clock import utc_now
from quarterdeck.scheduler.timetable import Times, Timetable

SOON, LATER = timedelta(milliseconds=50), timedelta(days=1)


class Rings:
    """What the timetable called with; gives the next times that a test wants."""

    def __init__(self, after: Callable[[dict[int, datetime]], Times] = lambda due: dict.fromkeys(due)) -> None:
        self.heard: list[dict[int, datetime]] = []
        self.again = threading.Semaphore(0)
        self._after = after

    def __call__(self, due: dict[int, datetime]) -> Times:
        self.heard.append(due)
        try:
            return self._after(due)
        finally:
            self.again.release()

    def wait(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.again.acquire(timeout=10)


@pytest.fixture
def started() -> Iterator[Callable[[Rings], Timetable]]:
    made: list[Timetable] = []

    def start(rings: Rings) -> Timetable:
        table = Timetable(rings)
        made.append(table)
        table.start()
        return table

    yield start
    for table in made:
        table.stop()


def test_all_that_are_due_at_once_are_one_call(started: Callable[[Rings], Timetable]) -> None:
    rings = Rings()
    at = utc_now() + SOON
    started(rings).plan({key: at for key in range(1000)} | {5000: at + LATER})
    rings.wait()
    assert rings.heard == [{key: at for key in range(1000)}]


def test_what_was_due_before_the_start_is_called_at_once(started: Callable[[Rings], Timetable]) -> None:
    rings = Rings()
    at = utc_now() - LATER
    started(rings).plan({1: at})
    rings.wait()
    assert rings.heard == [{1: at}]


def test_it_goes_on_with_the_next_time_that_the_call_gives(started: Callable[[Rings], Timetable]) -> None:
    rings = Rings(lambda due: {key: at + SOON for key, at in due.items()})
    started(rings).plan({1: utc_now()})
    rings.wait(3)
    (first, *_) = rings.heard
    assert rings.heard[2] == {1: first[1] + 2 * SOON}


def test_a_call_that_fails_is_made_again(started: Callable[[Rings], Timetable]) -> None:
    def fail_once(due: dict[int, datetime]) -> Times:
        if len(rings.heard) == 1:
            raise OSError("the database is locked")
        return {}

    rings = Rings(fail_once)
    started(rings).plan({1: utc_now()})
    rings.wait(2)
    assert [set(due) for due in rings.heard] == [{1}, {1}]


def test_what_is_planned_anew_forgets_the_old_time(started: Callable[[Rings], Timetable]) -> None:
    rings = Rings()
    table = started(rings)
    later = utc_now() + LATER
    table.plan({1: later, 2: later, 3: utc_now() + LATER * 2})
    table.plan({1: None, 2: utc_now()})
    rings.wait()
    assert [set(due) for due in rings.heard] == [{2}]
    assert set(table.next_times()) == {3}


def test_a_clock_that_was_set_forward_wakes_it(started: Callable[[Rings], Timetable]) -> None:
    """The wait was measured for another time; the tick sees that the moment has passed."""
    rings = Rings()
    table = started(rings)
    table.plan({1: utc_now() + LATER})
    table._armed = utc_now() - LATER  # as if that had been the moment
    table._times[1] = utc_now()
    table._heap[:] = [(table._times[1], 1)]
    table.look(utc_now())
    rings.wait()
