"""Retention on a real log: by age, by size, never what is needed, counted, and the space given back."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest

from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import RolloutSpec, Strategy
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Arm, Engine, Task, VersionState
from quarterdeck.scheduler.retention import MB, ROUND_EVERY, Retention
from quarterdeck.scheduler.state import State
from quarterdeck.store import pipelines, promotion, registry, rollouts, steps, traffic_queries, traffic_removal
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.traffic import append_failures, append_labels, append_predictions, micros, open_traffic
from quarterdeck.store.traffic_space import gives_back, space_of
from quarterdeck.store.traffic_upgrade import SETTLED

DAY = timedelta(days=1)
SIGNATURE = Signature(fields=(Field(name="a", kind=FieldKind.NUMBER),), task=Task.REGRESSION, target="y")
numbers = count()


def write(
    state: State, at: datetime, rows: int, *, arm: Arm = Arm.CHAMPION, version: int = 1, endpoint: str = "fuel",
    labelled: bool = False, read: bool = True,
) -> list[str]:  # fmt: skip
    """Rows of the log, all of one time; `read`: the monitor has been there."""
    ids = [f"p{next(numbers):09}" for _ in range(rows)]
    with state.traffic.write() as tx:
        append_predictions(
            tx,
            [
                {
                    "id": name, "endpoint": endpoint, "version": version, "arm": arm.value, "entity": None,
                    "event_at": micros(at), "at": micros(at), "latency_us": 100, "inputs": '{"a":1.0}' + " " * 200,
                    "answer": "1.0", "score": 1.0, "probabilities": None,
                }
                for name in ids
            ],
        )  # fmt: skip
        if labelled:
            append_labels(tx, [{"id": name, "endpoint": endpoint, "label": "1.0", "at": micros(at)} for name in ids])
        if read:
            end = traffic_removal.ends(tx)
            assert end is not None
            traffic_queries.set_cursor(tx, SETTLED, end[1])
            traffic_queries.set_cursor(tx, "labelled", 10**9)
    return ids


def left(state: State) -> list[str]:
    with closing(sqlite3.connect(state.workspace.traffic_database)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM prediction ORDER BY seq")]


def labels_left(state: State) -> list[str]:
    with closing(sqlite3.connect(state.workspace.traffic_database)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM label ORDER BY seq")]


def finish(retention: Retention, now: datetime) -> int:
    """A whole round; how many steps it took."""
    steps_taken = 0
    while retention.tick(now):
        steps_taken += 1
    return steps_taken


@pytest.fixture
def two_versions(state: State, now: datetime) -> Audit:
    """Champion 1 and version 2 of `fuel`."""
    kept = ArtifactStore(state.workspace.artifacts).put(b"model")
    draft = Version(
        model="fuel", number=0, state=VersionState.ACCEPTED, run_id=None, created=now, artifact=kept.sha256, onnx=None,
        engine=Engine.SKLEARN, engine_reason="", max_difference=None, signature=SIGNATURE, metrics={}, verdicts=(),
        profile=None, trained_from=None, trained_to=None, rows=1000, size_bytes=1,
    )  # fmt: skip
    audit = Audit(actor="ops", environment="production", at=now, reason="r")
    about = pipelines.Pipeline(name="fuel", task=Task.REGRESSION, description="", owner="", digest="", synced_at=now)
    with state.database.write() as tx:
        pipelines.put(tx, about)
        steps.record_artifact(tx, kept.sha256, kind="model", size=kept.size, now=now)
        for _ in range(2):
            registry.register(tx, draft, audit)
        promotion.promote(tx, "fuel", 1, audit, saw_champion=None)
    return audit


def test_what_is_older_than_the_days_to_keep_goes_with_its_labels(state: State, now: datetime) -> None:
    write(state, now - 91 * DAY, 2_500, labelled=True)
    young = write(state, now - 89 * DAY, 10, labelled=True)
    retention = Retention(state)
    finish(retention, now)
    assert left(state) == labels_left(state) == young
    assert (retention.detail["predictions"], retention.detail["labels"]) == (2_500, 2_500)


def test_what_was_removed_is_added_up_by_endpoint_and_survives_the_daemon(state: State, now: datetime) -> None:
    for day, endpoint in ((100, "fuel"), (99, "flights"), (98, "fuel")):
        write(state, now - day * DAY, 3, endpoint=endpoint, labelled=endpoint == "fuel")
        finish(Retention(state), now)
    with state.traffic.read() as tx:
        found = {item.endpoint: (item.predictions, item.labels) for item in traffic_removal.removed(tx)}
    assert found == {"fuel": (6, 6), "flights": (3, 0)}


def test_failures_go_by_age_too(state: State, now: datetime) -> None:
    with state.traffic.write() as tx:
        for day in (100, 1):
            append_failures(
                tx,
                [
                    {
                        "endpoint": "fuel",
                        "version": 1,
                        "arm": "champion",
                        "at": micros(now - day * DAY),
                        "kind": "failed",
                        "count": 1,
                    }
                ],
            )
    finish(Retention(state), now)
    with closing(sqlite3.connect(state.workspace.traffic_database)) as connection:
        assert connection.execute("SELECT at FROM failure").fetchall() == [(micros(now - DAY),)]


def test_a_log_beyond_its_size_loses_its_oldest_rows_and_the_file_shrinks(state: State, now: datetime) -> None:
    for _ in range(10):
        write(state, now, 1_000)
    everything = left(state)
    state = replace(state, settings=replace(state.settings, max_mb=2))
    before = space_of(state.traffic).file
    finish(Retention(state), now)
    kept = left(state)
    after = space_of(state.traffic)
    assert 0 < len(kept) < len(everything) and kept == everything[-len(kept) :]
    assert after.used <= 2 * MB < before
    assert after.file < 1.1 * 2 * MB


def test_zero_keeps_everything(state: State, now: datetime) -> None:
    write(state, now - 1_000 * DAY, 5)
    state = replace(state, settings=replace(state.settings, max_mb=0, keep_days=0.0))
    finish(Retention(state), now)
    assert len(left(state)) == 5


def test_what_the_monitor_has_not_read_stays(state: State, now: datetime) -> None:
    write(state, now - 100 * DAY, 3)
    unread = write(state, now - 99 * DAY, 3, read=False)
    retention = Retention(state)
    finish(retention, now)
    assert left(state) == unread


def test_an_answer_whose_label_the_monitor_has_not_read_stays(state: State, now: datetime) -> None:
    ids = write(state, now - 100 * DAY, 3)
    with state.traffic.write() as tx:
        append_labels(tx, [{"id": ids[1], "endpoint": "fuel", "label": "1", "at": micros(now)}])
        traffic_queries.set_cursor(tx, "labelled", 0)
    finish(Retention(state), now)
    assert left(state) == labels_left(state) == [ids[1]]


def test_a_running_comparison_keeps_everything_since_its_challengers_first_answer(
    state: State, now: datetime, two_versions: Audit
) -> None:
    write(state, now - 120 * DAY, 3)
    first = now - 110 * DAY
    needed = write(state, first - timedelta(seconds=2), 2) + write(state, first, 2, arm=Arm.SHADOW, version=2)
    with state.database.write() as tx:
        promotion.challenge(tx, "fuel", 2, two_versions)
    retention = Retention(state)
    finish(retention, now)
    assert left(state) == needed
    assert [hold["why"] for hold in retention.detail["kept_for"]] == ["version 2 is compared with the champion"]
    with state.database.write() as tx:
        promotion.withdraw(tx, "fuel", two_versions, saw_challenger=2)
    finish(retention, now + ROUND_EVERY)
    assert left(state) == []


def test_an_open_rollout_keeps_what_its_checks_look_at(state: State, now: datetime, two_versions: Audit) -> None:
    began = replace(two_versions, at=now - 100 * DAY)
    with state.database.write() as tx:
        rollouts.begin(tx, "fuel", 2, replace(RolloutSpec(), strategy=Strategy.SHADOW), began)
    write(state, now - 101 * DAY, 3)
    needed = write(state, now - 100 * DAY - timedelta(minutes=5), 3)
    finish(Retention(state), now)
    assert left(state) == needed


def test_rows_of_files_are_kept_for_nobody(state: State, now: datetime, two_versions: Audit) -> None:
    write(state, now - 110 * DAY, 1, arm=Arm.SHADOW, version=2)
    write(state, now - 105 * DAY, 5, arm=Arm.BATCH)
    with state.database.write() as tx:
        promotion.challenge(tx, "fuel", 2, two_versions)
    finish(Retention(state), now)
    assert len(left(state)) == 1


def test_a_log_that_is_needed_and_too_large_says_so(state: State, now: datetime) -> None:
    write(state, now, 10_000, read=False)
    state = replace(state, settings=replace(state.settings, max_mb=1))
    retention = Retention(state)
    finish(retention, now)
    assert retention.detail["over_size"] and len(left(state)) == 10_000


def test_a_file_of_before_is_brought_over_once(state: State, now: datetime) -> None:
    path = state.workspace.traffic_database
    ids = write(state, now, 100)
    state.traffic.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
    with open_traffic(path) as traffic:
        assert not gives_back(traffic)
        retention = Retention(replace(state, traffic=traffic))
        finish(retention, now)
        assert gives_back(traffic) and retention.problem is None
    assert left(state) == ids


def test_others_write_while_retention_works(state: State, now: datetime) -> None:
    for _ in range(20):
        write(state, now - 100 * DAY, 2_000, labelled=True)
    written: list[int] = []
    stop = threading.Event()

    def keep_writing() -> None:
        while not stop.is_set():
            write(state, now, 1, read=False)
            written.append(1)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    retention = Retention(state)
    try:
        assert finish(retention, now) > 0
    finally:
        stop.set()
        writer.join()
    assert retention.detail["predictions"] == 40_000
    assert len(written) > 10  # were it one transaction, there would be one or two
    assert len(left(state)) == len(written)


def test_a_new_round_comes_after_a_minute(state: State, now: datetime) -> None:
    retention = Retention(state)
    finish(retention, now)
    write(state, now - 100 * DAY, 3)
    assert not retention.tick(now + ROUND_EVERY / 2)
    finish(retention, now + ROUND_EVERY)
    assert left(state) == []
