"""The daemon's triggers follow the rows, and read only those that changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import event

from quarterdeck.core.values import Task, TriggerKind
from quarterdeck.scheduler.state import State
from quarterdeck.scheduler.trigger_keeper import Triggers
from quarterdeck.store import pipelines, triggers

HOURLY = {"every": 3600.0}


@pytest.fixture
def keeper(state: State, now: datetime) -> Iterator[Triggers]:
    with state.database.write() as tx:
        row = pipelines.Pipeline(name="fuel", task=Task.REGRESSION, description="", owner="", digest="", synced_at=now)
        pipelines.put(tx, row)
        triggers.sync(tx, "fuel", [(f"t{number}", TriggerKind.SCHEDULE, HOURLY) for number in range(50)])
    keeper = Triggers(state, readable=lambda _: True)
    yield keeper
    keeper.stop()


def test_only_what_changed_is_read_again(keeper: Triggers, state: State, now: datetime) -> None:
    assert keeper.refresh(now) == 50
    assert keeper.refresh(now) == 0
    with state.database.write() as tx:
        triggers.set_paused(tx, triggers.get(tx, "fuel", "t7").id, True)
    assert keeper.refresh(now) == 1
    with state.database.write() as tx:
        triggers.sync(tx, "fuel", [("t1", TriggerKind.SCHEDULE, HOURLY)])
    assert keeper.refresh(now) == 49


def test_a_tick_without_a_change_is_one_statement(keeper: Triggers, state: State, now: datetime) -> None:
    keeper.tick(now)
    statements: list[str] = []
    listen = (state.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    event.listen(*listen)
    keeper.tick(now)
    event.remove(*listen)
    assert len([text for text in statements if not text.startswith("BEGIN")]) == 1


def test_planned_times_are_in_the_rows_and_a_second_daemon_reads_them(
    keeper: Triggers, state: State, now: datetime
) -> None:
    keeper.refresh(now)
    with state.database.read() as tx:
        before = {item.id: item.next_fire_at for item in triggers.every(tx)}
    assert None not in before.values()
    second = Triggers(state, readable=lambda _: True)
    second.refresh(now.replace(hour=20))  # its times have passed meanwhile: they were missed, and stay
    assert second._schedules.timetable.next_times() == before
    second.stop()
