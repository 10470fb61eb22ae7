"""Backoff and the watch on the clock, with a monotonic clock in the test's hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from quarterdeck.scheduler.backoff import LAST_S, STEADY_S, Backoff
from quarterdeck.scheduler.clock_watch import ClockWatch

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_failure_on_end_waits_twice_as_long_and_no_longer_than_half_a_minute() -> None:
    clock = Clock()
    backoff = Backoff(clock=clock)
    waits = []
    for _ in range(9):
        backoff.started()
        backoff.failed()
        waits.append(backoff.wait_s)
        clock.now += backoff.wait_s
        assert backoff.ready
    assert waits == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, LAST_S, LAST_S]
    assert backoff.looping


def test_what_was_up_for_a_while_starts_again_at_once() -> None:
    clock = Clock()
    backoff = Backoff(clock=clock)
    for _ in range(5):
        backoff.started()
        backoff.failed()
    clock.now += LAST_S
    backoff.started()
    clock.now += STEADY_S + 1
    backoff.failed()
    assert (backoff.wait_s, backoff.failures, backoff.looping) == (0.0, 1, False)


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=1), timedelta(seconds=6)])
def test_a_clock_that_was_set_is_noticed_once(jump: timedelta) -> None:
    clock = Clock()
    watch = ClockWatch(clock)
    assert watch.jumped(NOW) is None
    clock.now += 1
    assert watch.jumped(NOW + timedelta(seconds=1) + jump) == jump
    clock.now += 1
    assert watch.jumped(NOW + timedelta(seconds=2) + jump) is None


def test_a_slow_correction_and_a_long_round_are_no_jump() -> None:
    clock, now = Clock(), NOW
    watch = ClockWatch(clock)
    for _ in range(100):
        clock.now += 60
        now += timedelta(seconds=61)  # a second a minute fast
        assert watch.jumped(now) is None
