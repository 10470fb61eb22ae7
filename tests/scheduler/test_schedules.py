"""Schedules in the store: due times are the rows, and what was missed is made good as the trigger says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from quarterdeck.core.manifest_triggers import trigger_spec
from quarterdeck.core.operations import Firing, Trigger
from quarterdeck.core.values import RunStatus, Task, TriggerKind
from quarterdeck.scheduler.schedules import AGAIN, Schedules
from quarterdeck.scheduler.state import State
from quarterdeck.store import pipelines, runs, triggers

HOUR = timedelta(hours=1)


class World:
    """A pipeline with one hourly trigger, and a daemon that looks when it is told the time."""

    def __init__(self, state: State, now: datetime) -> None:
        self.state, self.now = state, now
        self.readable = True
        self.schedules = self._daemon()

    def _daemon(self) -> Schedules:
        return Schedules(self.state.database, "production", readable=lambda _: self.readable, clock=lambda: self.now)

    def trigger(self, **spec: object) -> Trigger:
        with self.state.database.write() as tx:
            row = pipelines.Pipeline(
                name="fuel", task=Task.REGRESSION, description="", owner="", digest="", synced_at=self.now
            )
            pipelines.put(tx, row)
            triggers.sync(tx, "fuel", [("hourly", TriggerKind.SCHEDULE, {"every": 3600.0} | spec)])
        self.plan()
        return self.row

    @property
    def row(self) -> Trigger:
        with self.state.database.read() as tx:
            return triggers.get(tx, "fuel", "hourly")

    def plan(self) -> None:
        row = self.row
        self.schedules.plan({row.id: (row, trigger_spec(row.name, row.kind, row.spec))}, self.now)

    def restart(self, after: timedelta) -> None:
        """Another daemon, so much later."""
        self.now += after
        self.schedules = self._daemon()
        self.plan()

    def ring(self, after: timedelta = timedelta(0)) -> datetime | None:
        """It is due; gives the time it is planned for next."""
        self.now += after
        row = self.row
        assert row.next_fire_at is not None
        return self.schedules.due({row.id: row.next_fire_at}).get(row.id)

    def firings(self) -> list[Firing]:
        with self.state.database.read() as tx:
            return triggers.firings(tx)[::-1]

    def planned(self) -> list[str]:
        return [firing.evidence["planned"][11:16] for firing in self.firings() if firing.fired]

    def finish(self) -> None:
        with self.state.database.write() as tx:
            for run in runs.unfinished(tx):
                runs.claim(tx, run.id, pid=1, process_started=0.0, now=self.now)
                runs.finish(tx, run.id, RunStatus.SUCCEEDED, now=self.now)


@pytest.fixture
def world(state: State, now: datetime) -> World:
    return World(state, now)


def test_the_next_time_is_in_the_row_and_goes_on_from_it(world: World, now: datetime) -> None:
    assert world.trigger().next_fire_at == now + HOUR
    assert world.ring(after=HOUR) == now + 2 * HOUR
    assert world.row.next_fire_at == now + 2 * HOUR
    assert world.planned() == ["13:00"]
    assert world.row.last_fired_at == now + HOUR


def test_a_time_that_was_not_due_after_all_fires_nothing(world: World, now: datetime) -> None:
    row = world.trigger()
    assert world.schedules.due({row.id: now}) == {row.id: now + HOUR}
    assert world.firings() == []


def test_missed_times_are_one_run_by_default(world: World, now: datetime) -> None:
    world.trigger()
    world.restart(after=5.5 * HOUR)
    assert world.ring() == now + 6 * HOUR
    (firing,) = world.firings()
    assert firing.fired and firing.evidence == {"planned": (now + 5 * HOUR).isoformat(), "missed": 4}


def test_missed_times_are_skipped_and_kept_as_missed_where_the_trigger_says_so(world: World, now: datetime) -> None:
    world.trigger(misfire="skip")
    world.restart(after=5.5 * HOUR)
    assert world.ring() == now + 6 * HOUR
    (firing,) = world.firings()
    assert not firing.fired
    assert firing.reason == "5 due times from 2026-03-01 13:00 UTC on missed, and not made good"
    assert world.ring(after=0.5 * HOUR) == now + 7 * HOUR
    assert world.planned() == ["18:00"]


def test_with_skip_the_last_time_counts_while_it_is_only_a_little_late(world: World) -> None:
    world.trigger(misfire="skip")
    world.restart(after=3 * HOUR + timedelta(seconds=59))
    world.ring()
    assert world.planned() == ["15:00"]
    assert "2 due times" in world.firings()[0].reason


def test_missed_times_are_all_made_good_one_after_the_other(world: World, now: datetime) -> None:
    world.trigger(misfire="all")
    world.restart(after=3.5 * HOUR)
    for count in (1, 2, 3):
        world.ring()
        assert len(world.planned()) == count
        if count < 3:
            assert world.ring() == world.now + AGAIN  # its turn comes when the run before it has ended
            assert len(world.firings()) == count  # and waiting is not kept
        world.finish()
    assert world.planned() == ["13:00", "14:00", "15:00"]
    assert world.row.next_fire_at == now + 4 * HOUR


def test_of_all_the_missed_times_only_the_newest_so_many_are_made_good(world: World) -> None:
    world.trigger(misfire="all", misfire_limit=2)
    world.restart(after=100.5 * HOUR)
    world.ring()
    lost, fired = world.firings()
    assert lost.reason.startswith("98 due times from 2026-03-01 13:00 UTC on missed")
    assert "misfire_limit is 2" in lost.reason
    assert fired.evidence["planned"] == (world.now - 1.5 * HOUR).isoformat()


def test_a_paused_trigger_misses_nothing(world: World, now: datetime) -> None:
    row = world.trigger()
    with world.state.database.write() as tx:
        triggers.set_paused(tx, row.id, True)
    world.restart(after=5.5 * HOUR)
    assert world.schedules.timetable.next_times() == {}
    with world.state.database.write() as tx:
        triggers.set_paused(tx, row.id, False)
    world.plan()
    assert world.row.next_fire_at == now + 6 * HOUR


def test_a_pipeline_whose_manifest_is_gone_trains_nothing_and_says_so(world: World) -> None:
    world.trigger()
    world.readable = False
    world.ring(after=HOUR)
    (firing,) = world.firings()
    assert (firing.fired, firing.reason) == (False, "its pipeline.toml is not there, or cannot be read")


def test_a_time_zone_is_kept(world: World) -> None:
    row = world.trigger(every=None, cron="0 3 * * *", timezone="America/New_York")
    assert row.next_fire_at is not None
    assert row.next_fire_at.hour == 8


@pytest.mark.parametrize("change", [lambda s: {"cooldown": 60.0}, lambda s: {"misfire": "skip"}])
def test_a_changed_manifest_plans_anew(world: World, change: Callable[[object], dict[str, object]]) -> None:
    world.trigger()
    world.now += 2.5 * HOUR
    assert world.trigger(**change(None)).next_fire_at == world.now + 0.5 * HOUR
