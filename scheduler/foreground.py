"""Run a pipeline now, in a worker process of its own, with or without a daemon, and follow it from here."""

from __future__ import annotations

import time
from collections.abc import Callable

from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import ConflictError
from quarterdeck.core.runs import Run, StepRun
from quarterdeck.core.values import RunStatus, ServiceKind, TriggerKind
from quarterdeck.scheduler.control import find
from quarterdeck.scheduler.manifests import sync
from quarterdeck.scheduler.processes import spawn, terminate
from quarterdeck.store import leases, runs, steps
from quarterdeck.store.engine import Database
from quarterdeck.store.services import same_process
from quarterdeck.store.workspace import Workspace, load_manifest

LOOK_S = 0.1
STOP_PATIENCE_S = 5.0

OnChange = Callable[[Run, list[StepRun]], None]


def run_pipeline(workspace: Workspace, database: Database, pipeline: str, *, by: str, on_change: OnChange) -> Run:
    """Queue a run, give it to a worker, and call `on_change` whenever its run or steps look different.

    A ctrl+c cancels the run and waits for its worker. A daemon may take the run first: then that worker is followed.
    """
    run = queue(workspace, database, pipeline, by=by)
    return follow_in_worker(workspace, database, run, on_change)


def queue(workspace: Workspace, database: Database, pipeline: str, *, by: str, reason: str = "") -> Run:
    """A new queued run of a pipeline whose manifest is in order."""
    manifest = load_manifest(workspace, pipeline)
    now = utc_now()
    with database.write() as tx:
        sync(tx, manifest, now)
        cause = {"kind": TriggerKind.MANUAL.value, "reason": reason}
        return runs.request(tx, pipeline, by=by, cause=cause, now=now)


def follow_in_worker(workspace: Workspace, database: Database, run: Run, on_change: OnChange) -> Run:
    """Start a worker for a queued run and follow it to its end."""
    worker = spawn(
        "quarterdeck.scheduler.worker",
        "--workspace",
        str(workspace.root),
        "--run",
        str(run.id),
        log=workspace.logs / "worker.log",
        single_threaded=True,
    )
    try:
        return _follow(database, run.id, on_change, lambda: worker.poll() is None)
    except KeyboardInterrupt:
        with database.write() as tx:
            if not runs.get(tx, run.id).status.finished:
                runs.ask_cancel(tx, run.id, now=utc_now())
        terminate(worker.pid, patience=STOP_PATIENCE_S)
        raise
    finally:
        worker.wait()


def _follow(database: Database, run_id: int, on_change: OnChange, working: Callable[[], bool]) -> Run:
    seen: tuple[Run, list[StepRun]] | None = None
    while True:
        alive = working()  # looked at before the store: a worker that ends after this has written its end
        with database.read() as tx:
            found = (runs.get(tx, run_id), steps.of_run(tx, run_id))
        if found != seen:
            on_change(*found)
            seen = found
        if found[0].status.finished:
            return found[0]
        if not alive and _is_lost(database, found[0]):
            return _died(database, run_id)
        if not alive and found[0].status is RunStatus.QUEUED and find(database, ServiceKind.DAEMON) is None:
            raise ConflictError(f"the worker of run {run_id} ended before it began", hint="the log worker.log says why")
        time.sleep(LOOK_S)  # between two looks at the store; there is nobody to notify us


def _is_lost(database: Database, run: Run) -> bool:
    """Whether a run's worker is gone, and there is no daemon to queue it again."""
    if run.worker_place not in (None, leases.this_place()):
        return False  # a daemon on another machine has it, and a process id says nothing here
    if run.status is not RunStatus.RUNNING or same_process(run.worker_pid or 0, run.worker_started or 0.0):
        return False
    return find(database, ServiceKind.DAEMON) is None


def _died(database: Database, run_id: int) -> Run:
    """The worker is gone and has not said how the run ended."""
    with database.write() as tx:
        if runs.get(tx, run_id).status is RunStatus.RUNNING:
            error = f"its worker died; `quarterdeck run logs {run_id}` shows its last words"
            runs.finish(tx, run_id, RunStatus.FAILED, now=utc_now(), error=error)
        return runs.get(tx, run_id)
