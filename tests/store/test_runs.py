"""Runs: queued, claimed by one worker, ended once; and the steps and cache beside them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from quarterdeck.core.errors import ConflictError, NotFoundError
from quarterdeck.core.runs import TRANSITIONS, Run
from quarterdeck.core.values import RunStatus, StepStatus
from quarterdeck.store import runs, steps
from quarterdeck.store.engine import Database


@pytest.fixture
def queued(database: Database, now: datetime) -> Run:
    with database.write() as tx:
        return runs.request(tx, "flights", by="ops", cause={"kind": "manual"}, now=now)


def claim(database: Database, run_id: int, now: datetime, pid: int = 10) -> Run:
    with database.write() as tx:
        return runs.claim(tx, run_id, pid=pid, process_started=1.0, now=now)


def test_of_eight_workers_that_claim_a_run_exactly_one_gets_it(database: Database, queued: Run, now: datetime) -> None:
    def attempt(pid: int) -> bool:
        try:
            return claim(database, queued.id, now, pid).worker_pid == pid
        except ConflictError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(attempt, range(100, 108))).count(True) == 1


def test_a_run_that_was_requeued_counts_its_attempts(database: Database, queued: Run, now: datetime) -> None:
    claim(database, queued.id, now)
    with database.write() as tx:
        again = runs.requeue(tx, queued.id, reason="its worker died")
    assert (again.status, again.worker_pid, again.message) == (RunStatus.QUEUED, None, "its worker died")
    assert claim(database, queued.id, now).attempt == 2


def test_a_finished_run_cannot_be_finished_again(database: Database, queued: Run, now: datetime) -> None:
    claim(database, queued.id, now)
    with database.write() as tx:
        runs.finish(tx, queued.id, RunStatus.SUCCEEDED, now=now, version=1)
    with pytest.raises(ConflictError, match="succeeded"), database.write() as tx:
        runs.finish(tx, queued.id, RunStatus.FAILED, now=now)


def test_a_queued_run_is_cancelled_at_once_and_a_running_one_is_asked(
    database: Database, queued: Run, now: datetime
) -> None:
    with database.write() as tx:
        assert runs.ask_cancel(tx, queued.id, now=now).status is RunStatus.CANCELLED
        other = runs.request(tx, "flights", by="ops", cause={}, now=now)
        runs.claim(tx, other.id, pid=1, process_started=0.0, now=now)
        asked = runs.ask_cancel(tx, other.id, now=now)
    assert (asked.status, asked.cancel_requested) == (RunStatus.RUNNING, True)
    with pytest.raises(ConflictError), database.write() as tx:
        runs.ask_cancel(tx, queued.id, now=now)


def test_an_unknown_run_is_named_with_the_command_that_lists_them(database: Database) -> None:
    with database.read() as tx, pytest.raises(NotFoundError, match=r"run 77.*run list"):
        runs.get(tx, 77)


def test_every_status_has_its_row_of_transitions() -> None:
    assert set(TRANSITIONS) == set(RunStatus)


def test_planning_again_forgets_the_steps_of_the_last_attempt(database: Database, queued: Run, now: datetime) -> None:
    with database.write() as tx:
        steps.plan(tx, queued.id, [("read", "read_table", ()), ("fit", "fit", ("read",))])
        steps.change(tx, queued.id, "read", status=StepStatus.SUCCEEDED, result="a" * 64)
        steps.record_lineage(tx, queued.id, "read", inputs={}, output="a" * 64)
        steps.record_metrics(tx, queued.id, "fit", {"roc_auc_score": 0.7})
        steps.plan(tx, queued.id, [("read", "read_table", ())])
        (step,) = steps.of_run(tx, queued.id)
        assert (step.status, step.result) == (StepStatus.PENDING, None)
        assert steps.lineage_of(tx, queued.id) == []
        assert steps.metrics_of(tx, queued.id) == {}


def test_the_cache_keeps_the_first_result_of_a_key(database: Database, now: datetime) -> None:
    with database.write() as tx:
        steps.record_artifact(tx, "b" * 64, kind="frame", size=2, now=now)
        steps.remember(tx, "key", "a" * 64, now=now)
        steps.remember(tx, "key", "b" * 64, now=now)
        assert steps.cached(tx, "key") == "a" * 64
        assert steps.cached(tx, "other") is None
