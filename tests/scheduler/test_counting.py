"""What the server leaves, the daemon counts, once; a width is what the manifest says, from a moment on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import text

from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import Manifest, MonitoringSpec
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.operations import Window
from quarterdeck.core.profile import Counts, build_profile, count
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Engine, Task, VersionState
from quarterdeck.scheduler.monitor import Monitor
from quarterdeck.scheduler.retention import Retention
from quarterdeck.scheduler.state import State
from quarterdeck.store import pipelines, registry, steps, traffic_queries, traffic_windows, windows
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.traffic import PredictionRecord, append_labels, append_predictions, micros
from quarterdeck.store.traffic_windows import WindowKey

HOUR = timedelta(hours=1)
SIGNATURE = Signature(
    fields=(Field(name="x", kind=FieldKind.NUMBER, minimum=0, maximum=1),), task=Task.REGRESSION, target="y"
)
PROFILE = build_profile({"x": np.linspace(0, 1, 1000)}, SIGNATURE, np.linspace(0, 1, 1000))


def watched(state: State, window: timedelta = HOUR) -> Mapping[str, Manifest]:
    manifest = Manifest(
        name="fuel", task=Task.REGRESSION, target="y", steps=(), folder=state.workspace.root,
        monitoring=MonitoringSpec(window=window, minimum_rows=50),
    )  # fmt: skip
    return {"fuel": manifest}


@pytest.fixture(autouse=True)
def version(state: State, now: datetime) -> None:
    kept = ArtifactStore(state.workspace.artifacts).put(json.dumps(PROFILE.to_json()).encode())
    draft = Version(
        model="fuel", number=0, state=VersionState.ACCEPTED, run_id=None, created=now, artifact=kept.sha256, onnx=None,
        engine=Engine.SKLEARN, engine_reason="", max_difference=None, signature=SIGNATURE, metrics={}, verdicts=(),
        profile=kept.sha256, trained_from=None, trained_to=None, rows=1000, size_bytes=1,
    )  # fmt: skip
    about = pipelines.Pipeline(name="fuel", task=Task.REGRESSION, description="", owner="", digest="", synced_at=now)
    with state.database.write() as tx:
        pipelines.put(tx, about)
        steps.record_artifact(tx, kept.sha256, kind="profile", size=kept.size, now=now)
        registry.register(tx, draft, Audit(actor="ops", environment="production", at=now, reason="r"))


def write(state: State, name: str, at: datetime, rows: int, *, counted: bool | None = None) -> None:
    records: list[PredictionRecord] = [
        {
            "id": f"{name}-{n}", "endpoint": "fuel", "version": 1, "arm": "champion", "entity": None,
            "event_at": micros(at), "at": micros(at), "latency_us": 1, "inputs": '{"x": 0.5}', "answer": "0.5",
            "score": 0.5, "probabilities": None,
        }
        for n in range(rows)
    ]  # fmt: skip
    with state.traffic.write() as tx:
        append_predictions(tx, records, counted=counted)
        if counted is not None:
            traffic_windows.settle(tx, rows)


def served(state: State, name: str, at: datetime, rows: int, width: timedelta = HOUR) -> None:
    """As the server does it: logged and counted in one transaction."""
    us = width // timedelta(microseconds=1)
    start = micros(at) - micros(at) % us
    key = WindowKey("fuel", 1, start)
    write(state, name, at, rows, counted=True)
    with state.traffic.write() as tx:
        fresh = count(PROFILE, {"x": [0.5] * rows}, scores=[0.5] * rows)
        assert traffic_windows.kept_counts(tx, key) == ""
        changed = traffic_windows.next_change(tx)
        text = json.dumps(fresh.to_json())
        traffic_windows.put_counts(tx, key, start + us, rows=rows, counts=text, changed=changed, at=micros(at))


def found(state: State) -> list[Window]:
    with state.database.read() as tx:
        return windows.last(tx, "fuel")


def counts_of(state: State, at: datetime) -> Counts:
    with state.traffic.read() as tx:
        return Counts.from_json(json.loads(traffic_windows.kept_counts(tx, WindowKey("fuel", 1, micros(at)))))


def test_what_the_server_counted_is_judged_and_not_counted_again(state: State, now: datetime) -> None:
    served(state, "a", now, 60)
    monitor = Monitor(state)
    assert monitor.tick(watched(state), now) == {"fuel"}
    assert monitor.tick(watched(state), now) == set()
    assert [(window.rows, len(window.drift) > 0) for window in found(state)] == [(60, True)]


def test_what_the_server_left_is_counted_once_among_what_it_counted(state: State, now: datetime) -> None:
    served(state, "a", now, 10)
    for number in range(3):
        write(state, f"left{number}", now, 5, counted=False)
        write(state, f"silent{number}", now, 7)  # of a server of the release before
        Monitor(state).tick(watched(state), now)  # each a daemon of its own
        Monitor(state).tick(watched(state), now)
    assert counts_of(state, now).rows == 10 + 3 * 12
    with state.traffic.read() as tx:
        assert traffic_queries.is_counted(tx)
        assert traffic_windows.settled(tx) == 10 + 3 * 12


def test_the_log_is_read_no_more_where_the_server_counts(state: State, now: datetime) -> None:
    write(state, "old", now, 5)
    served(state, "a", now, 10)
    with state.traffic.read() as tx:
        assert traffic_windows.settled(tx) == 0
    Monitor(state).tick(watched(state), now)
    write(state, "b", now, 4, counted=True)
    with state.traffic.read() as tx:
        assert traffic_windows.settled(tx) == 19
        assert traffic_windows.left(tx, limit=1).nothing


def test_a_day_without_a_daemon_is_judged_when_there_is_one(state: State, now: datetime) -> None:
    start = now.replace(hour=0)
    served(state, "a", start, 60)
    Monitor(state).tick(watched(state), now)
    assert [window.closed for window in found(state)] == [False]
    for hour in range(1, 24):
        served(state, f"h{hour}", start + hour * HOUR, 60)
    Monitor(state).tick(watched(state), now + 24 * HOUR)
    assert [(window.rows, window.closed) for window in found(state)] == [(60, True)] * 23 + [(60, False)]


def test_many_changed_windows_are_judged_over_several_ticks(
    state: State, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quarterdeck.scheduler.monitor.AT_ONCE", 3)
    start = now.replace(hour=0)
    for hour in range(10):
        served(state, f"h{hour}", start + hour * HOUR, 1)
    with state.database.write() as tx:
        tx.execute(text('DELETE FROM "window"'))
    monitor = Monitor(state)
    monitor._closed_to["fuel"] = micros(start + 9 * HOUR)  # nothing is new by the time of the event
    assert [len(found(state)) for _ in range(4) if monitor.tick(watched(state), now) or True] == [3, 6, 9, 10]
    with state.traffic.read() as tx:
        assert traffic_queries.is_counted(tx)


def test_a_label_that_comes_late_has_its_window_judged_also_by_the_next_daemon(state: State, now: datetime) -> None:
    start = now.replace(hour=0)
    served(state, "a", start, 60)
    served(state, "b", start + HOUR, 1)
    monitor = Monitor(state)
    monitor.tick(watched(state), now)
    with state.traffic.write() as tx:
        append_labels(tx, [{"id": "a-3", "endpoint": "fuel", "label": "0.75", "at": micros(now)}])
    monitor._take_labels(watched(state), now)  # and then the daemon dies
    Monitor(state).tick(watched(state), now)
    assert found(state)[0].metrics["mean_absolute_error"] == pytest.approx(0.25)


def test_labels_and_changes_that_touch_no_window_leave_nothing_to_wait_for(state: State, now: datetime) -> None:
    served(state, "a", now, 3)
    monitor = Monitor(state)
    monitor.tick(watched(state), now)
    with state.traffic.write() as tx:
        traffic_windows.touch(tx, {WindowKey("fuel", 1, 0)}, micros(now))
        traffic_windows.change_width(tx, "fuel", 60_000_000, now=micros(now))
    monitor.tick(watched(state), now)
    with state.traffic.read() as tx:
        assert traffic_queries.is_counted(tx)


def test_another_width_holds_from_the_next_boundary_on_and_late_rows_keep_theirs(state: State, now: datetime) -> None:
    day = timedelta(days=1)
    start = now.replace(hour=0)
    write(state, "a", start + 10.5 * HOUR, 3)
    monitor = Monitor(state)
    monitor.tick(watched(state, day), now + day)
    monitor.tick(watched(state, HOUR), now + day)
    write(state, "b", start + 9.5 * HOUR, 4)  # late
    write(state, "c", start + 11.5 * HOUR, 5)
    monitor.tick(watched(state, HOUR), now + day + timedelta(seconds=5))
    ends = [(window.start, window.end, window.rows) for window in found(state)]
    assert ends == [
        (start, start + 11 * HOUR, 7),
        (start + 11 * HOUR, start + 12 * HOUR, 5),
    ]


def test_counts_that_no_longer_fit_do_not_stop_the_monitor(state: State, now: datetime) -> None:
    served(state, "a", now, 3)
    with state.traffic.write() as tx:
        tx.execute(text("UPDATE window_count SET counts = '{\"rows\": 1}'"))
    write(state, "b", now, 4, counted=False)
    Monitor(state)._counting.tick(watched(state), now)
    with state.traffic.read() as tx:
        assert traffic_windows.all_counted(tx)
        assert traffic_queries.counted(tx, "fuel", 1, micros(now))[0] == 7


def test_old_windows_go_and_what_they_showed_stays(state: State, now: datetime) -> None:
    old = now - timedelta(days=500)
    served(state, "a", old, 60)
    served(state, "b", now, 1)
    Monitor(state).tick(watched(state), now)
    before = found(state)
    Retention(state).tick(now)
    with state.traffic.read() as tx:
        assert [start for _, start in traffic_queries.window_keys(tx, "fuel", since=0)] == [micros(now)]
    write(state, "late", old, 2)
    Monitor(state).tick(watched(state), now)
    assert found(state) == before


def test_windows_that_nobody_has_judged_stay_and_zero_keeps_all(state: State, now: datetime) -> None:
    served(state, "a", now - timedelta(days=500), 60)
    Retention(state).tick(now)
    Monitor(state).tick(watched(state), now)
    forever = replace(state, settings=replace(state.settings, keep_windows_days=0.0))
    Retention(forever).tick(now)
    with state.traffic.read() as tx:
        assert len(traffic_queries.window_keys(tx, "fuel", since=0)) == 1
