"""Triggers that look: real files, a real repository, real labels."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest

from quarterdeck.core.manifest_triggers import trigger_spec
from quarterdeck.core.operations import Firing
from quarterdeck.core.values import AlertState, RunStatus, Task, TriggerKind
from quarterdeck.scheduler.control import wait_until
from quarterdeck.scheduler.looks import Looks
from quarterdeck.scheduler.state import State
from quarterdeck.store import alerts, pipelines, runs, traffic, trigger_places, triggers

STEP = timedelta(seconds=10)


class Watcher:
    """A trigger of the pipeline `fuel`, and a daemon's looks at it."""

    def __init__(self, state: State, now: datetime) -> None:
        self.state, self.now = state, now
        self.root = state.workspace.root
        self.looks = Looks(state, readable=lambda _: True)

    def trigger(self, kind: TriggerKind, **spec: Any) -> None:
        with self.state.database.write() as tx:
            row = pipelines.Pipeline(
                name="fuel", task=Task.REGRESSION, description="", owner="", digest="", synced_at=self.now
            )
            pipelines.put(tx, row)
            triggers.sync(tx, "fuel", [("eye", kind, spec)])
        self.restart()

    def restart(self) -> None:
        self.looks.close()
        self.looks = Looks(self.state, readable=lambda _: True)
        with self.state.database.read() as tx:
            row = triggers.get(tx, "fuel", "eye")
        self.looks.plan({row.id: (row, trigger_spec("eye", row.kind, row.spec))})

    def look(self, times: int = 1) -> None:
        """So many looks, each to its end."""
        for _ in range(times):
            self.now += STEP
            self.looks.tick(self.now)
            (eye,) = self.looks._eyes.values()
            under_way = eye.under_way
            assert under_way is not None
            wait_until(under_way.done, what="the look", patience=30.0)
            self.looks.tick(self.now)

    def fired(self) -> list[Firing]:
        with self.state.database.read() as tx:
            return [firing for firing in triggers.firings(tx)[::-1] if firing.fired]

    def held(self) -> list[str]:
        with self.state.database.read() as tx:
            return [firing.reason for firing in triggers.firings(tx) if not firing.fired]

    def train(self, status: RunStatus = RunStatus.SUCCEEDED) -> None:
        """The queued run, or one that somebody asked for, is trained now."""
        with self.state.database.write() as tx:
            (run,) = runs.unfinished(tx) or [runs.request(tx, "fuel", by="ann", cause={}, now=self.now)]
            runs.claim(tx, run.id, pid=1, process_started=0.0, now=self.now)
            runs.finish(tx, run.id, status, now=self.now)

    def alerts(self) -> list[tuple[AlertState, str]]:
        with self.state.database.read() as tx:
            return [(alert.state, alert.message) for alert in alerts.page(tx)]


@pytest.fixture
def watcher(state: State, now: datetime) -> Iterator[Watcher]:
    watcher = Watcher(state, now)
    yield watcher
    watcher.looks.close()


def write(path: Path, rows: int = 3, start: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"x": list(range(start, start + rows))}).write_parquet(path)


def test_what_is_there_at_the_first_look_is_not_new_and_what_comes_is(watcher: Watcher) -> None:
    write(watcher.root / "data/fuel/a.parquet")
    watcher.trigger(TriggerKind.NEW_DATA, source="data/fuel")
    watcher.look(3)
    assert watcher.fired() == []
    write(watcher.root / "data/fuel/b.parquet")
    watcher.look()
    assert watcher.fired() == []  # seen once: somebody may still be writing it
    watcher.look()
    (firing,) = watcher.fired()
    assert firing.evidence["count"] == 1
    assert firing.evidence["files"][0].endswith("data/fuel/b.parquet")
    watcher.train()
    watcher.look(3)
    assert len(watcher.fired()) == 1


def test_a_file_that_grows_is_waited_for(watcher: Watcher) -> None:
    target = watcher.root / "data/log.csv"
    watcher.trigger(TriggerKind.NEW_DATA, source="data/*.csv")
    watcher.look(2)
    target.parent.mkdir(parents=True, exist_ok=True)
    for size in range(1, 4):
        target.write_text("x\n" * size)
        watcher.look()
    assert watcher.fired() == []
    watcher.look()
    assert len(watcher.fired()) == 1


def test_the_place_is_kept_across_a_restart(watcher: Watcher) -> None:
    watcher.trigger(TriggerKind.NEW_DATA, source="data/fuel")
    watcher.look(2)
    write(watcher.root / "data/fuel/a.parquet")
    watcher.restart()
    watcher.look(2)
    assert len(watcher.fired()) == 1


def test_new_data_waits_while_a_run_is_under_way_and_a_training_that_has_it_makes_it_old(watcher: Watcher) -> None:
    watcher.trigger(TriggerKind.NEW_DATA, source="data/fuel")
    watcher.look(2)
    write(watcher.root / "data/fuel/a.parquet")
    watcher.look(2)
    write(watcher.root / "data/fuel/b.parquet")
    watcher.look(3)
    assert watcher.held() == ["run 1 is under way"]
    watcher.train()  # begins now, after b was there
    watcher.look(2)
    assert len(watcher.fired()) == 1
    write(watcher.root / "data/fuel/c.parquet")
    watcher.look(2)
    assert len(watcher.fired()) == 2


def test_rows_are_counted_over_several_files_and_a_file_that_grew(watcher: Watcher) -> None:
    write(watcher.root / "data/fuel/a.parquet", rows=100)
    watcher.trigger(TriggerKind.NEW_DATA, source="data/fuel", rows=50)
    watcher.look(3)
    write(watcher.root / "data/fuel/b.parquet", rows=30)
    watcher.look(2)
    assert watcher.fired() == []
    write(watcher.root / "data/fuel/a.parquet", rows=120)
    watcher.look(2)
    (firing,) = watcher.fired()
    assert firing.evidence["rows"] == 50


def test_a_file_that_was_only_touched_is_not_new_where_the_bytes_count(watcher: Watcher) -> None:
    target = watcher.root / "data/fuel/a.parquet"
    write(target)
    watcher.trigger(TriggerKind.NEW_DATA, source="data/fuel/a.parquet", content=True)
    watcher.look(3)
    os.utime(target, (1, 1))
    watcher.look(3)
    assert watcher.fired() == []
    write(target, start=1)
    watcher.look(3)
    assert len(watcher.fired()) == 1


def test_data_behind_a_url_is_looked_at_like_a_folder(watcher: Watcher) -> None:
    memory = fsspec.filesystem("memory")
    watcher.trigger(TriggerKind.NEW_DATA, source="memory://fuel-reports", rows=2)
    watcher.look(2)
    memory.pipe("/fuel-reports/a.csv", b"x,y\n1,2\n3,4")
    watcher.look(2)
    assert len(watcher.fired()) == 1
    memory.rm("/fuel-reports", recursive=True)


def test_a_source_that_cannot_be_looked_at_is_an_alert_until_it_can(watcher: Watcher) -> None:
    watcher.trigger(TriggerKind.NEW_DATA, source="nosuch://bucket/data")
    watcher.look(3)
    ((state, message),) = watcher.alerts()
    assert state is AlertState.OPEN and "nosuch://bucket/data cannot be looked at" in message
    assert watcher.looks.problems == {"fuel/eye": message}
    watcher.trigger(TriggerKind.NEW_DATA, source="data/fuel")
    watcher.look(2)
    assert watcher.looks.problems == {}


def test_a_file_that_is_no_table_is_an_alert_where_rows_count(watcher: Watcher) -> None:
    watcher.trigger(TriggerKind.NEW_DATA, source="data/fuel", rows=1)
    watcher.look(2)
    (watcher.root / "data/fuel").mkdir(parents=True)
    (watcher.root / "data/fuel/a.parquet").write_bytes(b"no table")
    watcher.look(2)
    ((_, message),) = watcher.alerts()
    assert "a.parquet is no Parquet file" in message


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(root), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(watcher: Watcher, path: str, text: str) -> str:
    target = watcher.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    git(watcher.root, "add", "-A")
    git(watcher.root, "commit", "-q", "-m", f"change {path}")
    return git(watcher.root, "rev-parse", "HEAD")


def test_a_commit_that_touches_the_pipelines_folder_fires_and_is_in_the_runs_cause(watcher: Watcher) -> None:
    git(watcher.root, "init", "-q")
    first = commit(watcher, "pipelines/fuel/steps.py", "a = 1\n")
    watcher.trigger(TriggerKind.CODE)
    watcher.look(2)
    commit(watcher, "pipelines/flights/notes.txt", "of another pipeline\n")
    watcher.look(2)
    assert watcher.fired() == []
    second = commit(watcher, "pipelines/fuel/steps.py", "a = 2\n")
    watcher.look()
    (firing,) = watcher.fired()
    assert (firing.evidence["commit"], firing.evidence["before"]) == (second, first)
    assert (firing.evidence["subject"], firing.evidence["author"]) == ("change pipelines/fuel/steps.py", "ann")
    with watcher.state.database.read() as tx:
        assert runs.get(tx, firing.run_id or 0).cause["commit"] == second
    watcher.train()
    watcher.look(2)
    assert len(watcher.fired()) == 1


def test_another_branch_is_followed_where_it_is_named(watcher: Watcher) -> None:
    git(watcher.root, "init", "-q")
    commit(watcher, "pipelines/fuel/steps.py", "a = 1\n")
    watcher.trigger(TriggerKind.CODE, branch="release")
    watcher.look()
    ((_, message),) = watcher.alerts()
    assert message == "the repository has no branch release"
    git(watcher.root, "checkout", "-q", "-b", "release")
    watcher.look()
    commit(watcher, "pipelines/fuel/steps.py", "a = 2\n")
    git(watcher.root, "checkout", "-q", "-")
    watcher.look()
    assert len(watcher.fired()) == 1
    assert watcher.alerts()[0][0] is AlertState.RESOLVED


def test_a_workspace_without_git_says_so_once(watcher: Watcher) -> None:
    shutil.rmtree(watcher.root / ".git")
    watcher.trigger(TriggerKind.CODE)
    watcher.look(5)
    ((state, message),) = watcher.alerts()
    assert state is AlertState.OPEN and "no git repository" in message
    assert watcher.fired() == []


def label(watcher: Watcher, count: int, endpoint: str = "fuel") -> None:
    at = traffic.micros(watcher.now)
    with watcher.state.traffic.write() as tx:
        before = watcher.state.traffic.engine.dialect.name + str(at) + endpoint
        rows = [{"id": f"{before}-{n}", "endpoint": endpoint, "label": "1", "at": at} for n in range(count)]
        traffic.append_labels(tx, rows)


def test_enough_labels_since_the_last_training_fire(watcher: Watcher) -> None:
    label(watcher, 4)
    watcher.trigger(TriggerKind.FEEDBACK, labels=10)
    watcher.look()
    watcher.now += STEP
    label(watcher, 5)
    label(watcher, 50, endpoint="flights")
    watcher.look()
    assert watcher.fired() == []
    watcher.now += STEP
    label(watcher, 1)
    watcher.look()
    (firing,) = watcher.fired()
    assert firing.evidence == {"labels": 10, "wanted": 10, "since_run": None}


def test_a_training_by_anybody_starts_the_count_anew_and_a_failed_one_does_not_loop(watcher: Watcher) -> None:
    watcher.trigger(TriggerKind.FEEDBACK, labels=10)
    label(watcher, 9)
    watcher.look()
    watcher.now += STEP
    watcher.train()
    watcher.now += STEP
    label(watcher, 9)
    watcher.look()
    assert watcher.fired() == []
    watcher.now += STEP
    label(watcher, 1)
    watcher.look()
    assert len(watcher.fired()) == 1
    watcher.train(RunStatus.FAILED)
    watcher.look(3)
    assert len(watcher.fired()) == 1


def test_a_removed_trigger_keeps_its_place_and_looks_no_more(watcher: Watcher) -> None:
    watcher.trigger(TriggerKind.NEW_DATA, source="data")
    watcher.look(2)
    with watcher.state.database.write() as tx:
        key = triggers.get(tx, "fuel", "eye").id
        triggers.sync(tx, "fuel", [])
    watcher.looks.plan({key: None})
    watcher.looks.tick(watcher.now + STEP)
    with watcher.state.database.read() as tx:
        assert trigger_places.place_of(tx, key) is not None
