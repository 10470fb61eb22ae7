"""Runs whose worker is gone: taken back, given up with a reason, and never written to by a worker that lost them."""

from __future__ import annotations

from datetime import datetime

import pytest

from quarterdeck.core.errors import LeaseLostError
from quarterdeck.core.runs import MAX_ATTEMPTS, Run
from quarterdeck.core.values import RunStatus, Task
from quarterdeck.scheduler.lost_runs import LostRuns, exit_in_words
from quarterdeck.scheduler.run_pulse import longest_silence
from quarterdeck.scheduler.state import State
from quarterdeck.scheduler.worker import _claim
from quarterdeck.store import leases, pipelines, runs

FAR = "far/another-boot/pid:[1]"


@pytest.fixture
def lost(state: State) -> LostRuns:
    return LostRuns(state)


@pytest.fixture
def run(state: State, now: datetime) -> Run:
    with state.database.write() as tx:
        pipeline = pipelines.Pipeline(
            name="tiny", task=Task.REGRESSION, description="", owner="", digest="d", synced_at=now
        )
        pipelines.put(tx, pipeline)
        return runs.request(tx, "tiny", by="ops", cause={}, now=now)


def claimed(state: State, run: Run, now: datetime, *, place: str | None = None, seen: float | None = None) -> Run:
    with state.database.write() as tx:
        return runs.claim(tx, run.id, pid=2**22 - 1, process_started=1.0, now=now, place=place, seen=seen)


def get(state: State, run: Run) -> Run:
    with state.database.read() as tx:
        return runs.get(tx, run.id)


def test_a_worker_that_dies_again_and_again_costs_its_run_with_its_last_words(
    state: State, lost: LostRuns, run: Run, now: datetime
) -> None:
    log = state.workspace.logs / f"run-{run.id}.log"
    log.write_text("2026-03-01T12:00:00.000Z INFO a step\nTraceback:\nModuleNotFoundError: No module named 'cupy'\n")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert claimed(state, run, now).attempt == attempt
        lost.take_back(run.id, now, "its worker died (exit 1)")
    found = get(state, run)
    assert found.status is RunStatus.FAILED
    assert found.error == (
        f"its worker died (exit 1), 3 times; see `quarterdeck run logs {run.id}`: "
        "ModuleNotFoundError: No module named 'cupy'"
    )


def test_a_run_that_no_worker_can_begin_fails_and_says_why(
    state: State, lost: LostRuns, run: Run, now: datetime
) -> None:
    log = state.workspace.logs / f"run-{run.id}.log"
    log.write_text("2026-03-01T12:00:00.000Z ERROR quarterdeck.worker quarterdeck.toml:3: unknown key `workrs`\n")
    for tries in range(MAX_ATTEMPTS):
        assert get(state, run).status is RunStatus.QUEUED, tries
        lost.unclaimed(run, 1, now)
    found = get(state, run)
    assert (found.status, found.attempt) == (RunStatus.FAILED, 0)
    assert found.error == (
        "its worker ended before it began (exit 1), 3 times on end: quarterdeck.toml:3: unknown key `workrs`"
    )


def test_a_store_that_cannot_be_used_for_a_while_is_not_the_runs_fault(
    state: State, lost: LostRuns, run: Run, now: datetime
) -> None:
    for _ in range(10):
        lost.unclaimed(run, 7, now)
    assert get(state, run).status is RunStatus.QUEUED
    assert not lost.ready(run.id)
    for _ in range(10):
        lost.unclaimed(run, 0, now)  # another worker was faster
    assert get(state, run).status is RunStatus.QUEUED


def test_a_worker_on_another_machine_is_given_time_and_then_held_dead(
    state: State, lost: LostRuns, run: Run, now: datetime
) -> None:
    silence = longest_silence(state.settings.lease_seconds)
    away = claimed(state, run, now, place=FAR, seen=1_000.0)
    lost.elsewhere(away, 1_000.0 + silence, now)
    assert get(state, run).status is RunStatus.RUNNING
    lost.elsewhere(away, 1_001.0 + silence, now)
    found = get(state, run)
    assert (found.status, found.worker_place, found.worker_seen) == (RunStatus.QUEUED, None, None)
    assert found.message.startswith("its worker on far has said nothing for 61 s")


def test_a_worker_whose_run_was_taken_back_writes_nothing_more(state: State, run: Run, now: datetime) -> None:
    first = claimed(state, run, now)
    fenced = state.database.fenced(lambda tx: runs.check_worker(tx, first))
    with fenced.write() as tx:
        runs.set_progress(tx, run.id, progress=0.5, message="half")
    with state.database.write() as tx:
        runs.requeue(tx, run.id, reason="silent")
    claimed(state, run, now)
    with pytest.raises(LeaseLostError, match="is not with this worker any more"), fenced.write() as tx:
        runs.finish(tx, run.id, RunStatus.SUCCEEDED, now=now)
    assert (get(state, run).status, get(state, run).progress) == (RunStatus.RUNNING, 0.5)


def test_a_run_handed_out_by_a_daemon_that_acts_no_more_is_left_alone(state: State, run: Run) -> None:
    with state.database.write() as tx:
        leases.release(tx, leases.take(tx, leases.DAEMON, holder="before", seconds=10))
        token = leases.take(tx, leases.DAEMON, holder="now", seconds=10).token
    assert _claim(state, run.id, token - 1) is None
    assert get(state, run).status is RunStatus.QUEUED
    mine = _claim(state, run.id, token)
    assert mine is not None and mine.worker_place == leases.this_place()


def test_how_a_process_ended_is_said_in_words() -> None:
    assert [exit_in_words(code) for code in (None, 3, -15)] == ["its exit was not seen", "exit 3", "signal SIGTERM"]
    assert "memory" in exit_in_words(-9)
