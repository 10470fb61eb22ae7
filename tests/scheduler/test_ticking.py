"""The daemon's rounds: every job has its turn, what fails is kept in words, and slow ones are seen."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from quarterdeck.core.errors import LeaseLostError, UnavailableError
from quarterdeck.scheduler.ticking import Job, Ticking

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Jobs:
    """Jobs that take as long, and raise what, the test says."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.done: list[str] = []
        self.raises: dict[str, Exception] = {}
        self.takes: dict[str, float] = {}

    def __call__(self, *names: str) -> list[Job]:
        return [(name, lambda _now, name=name: self._do(name)) for name in names]

    def _do(self, name: str) -> None:
        self.clock.now += self.takes.get(name, 0.0)
        self.done.append(name)
        if name in self.raises:
            raise self.raises[name]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(clock: Clock) -> Jobs:
    return Jobs(clock)


def test_what_fails_does_not_keep_the_rest_from_its_work_and_is_forgotten_when_it_works(
    clock: Clock, jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    ticking = Ticking(clock=clock)
    jobs.raises["b"] = ValueError("no more")
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            ticking.round(jobs("a", "b", "c"), NOW)
        assert ticking.problems == {"b": "no more"}
        assert jobs.done == ["a", "b", "c"] * 3
        assert [record.message for record in caplog.records] == ["b: no more"]
        clock.now += 60
        jobs.raises.clear()
        ticking.round(jobs("a", "b", "c"), NOW)
    assert ticking.problems == {}
    assert caplog.records[-1].message == "b works again after 60 s"


def test_a_store_that_cannot_be_used_ends_the_round(clock: Clock, jobs: Jobs) -> None:
    ticking = Ticking(store="/here/quarterdeck.db", clock=clock)
    jobs.raises["a"] = UnavailableError("locked", where="/here/traffic.db")
    jobs.raises["b"] = UnavailableError("locked", where="/here/quarterdeck.db")
    ticking.round(jobs("a", "b", "c"), NOW)
    assert jobs.done == ["a", "b"]
    assert set(ticking.problems) == {"a", "b"}


def test_a_lost_lease_is_nobodys_problem_but_the_daemons(clock: Clock, jobs: Jobs) -> None:
    jobs.raises["a"] = LeaseLostError("another")
    with pytest.raises(LeaseLostError):
        Ticking(clock=clock).round(jobs("a", "b"), NOW)
    assert jobs.done == ["a"]


def test_slow_rounds_are_counted_and_the_slowest_job_is_named(clock: Clock, jobs: Jobs) -> None:
    ticking = Ticking(clock=clock)
    jobs.takes = {"a": 0.25, "b": 4.0}
    ticking.round(jobs("a", "b"), NOW)
    jobs.takes = {}
    for _ in range(9):
        ticking.round(jobs("a", "b"), NOW)
    figures = ticking.figures()
    assert (figures["rounds"], figures["slow"], figures["slowest_job"]) == (10, 1, "b")
    assert (figures["median_s"], figures["longest_s"], figures["slowest_job_s"]) == (0.0, 4.25, 4.0)
    assert ticking.progress == 20
