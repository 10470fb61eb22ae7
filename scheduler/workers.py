"""Worker processes: one warm and waiting, and those that have a run.

A worker is a process apart: a crash, a leak or an endless loop in a user's code costs that run and nothing else. It
claims its run itself and writes its own results, so a run goes on to its end even if the daemon dies meanwhile.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from dataclasses import dataclass
from datetime import datetime

import psutil

from quarterdeck.core.runs import MAX_ATTEMPTS, Run
from quarterdeck.core.values import RunStatus
from quarterdeck.scheduler.processes import kill, spawn
from quarterdeck.scheduler.state import State
from quarterdeck.store import runs
from quarterdeck.store.services import process_started, same_process

log = logging.getLogger(__name__)

STOP_PATIENCE_S = 5.0  # between asking a worker to stop and killing it


@dataclass(slots=True)
class _Watched:
    """A process that has, or was handed, a run."""

    run_id: int
    pid: int
    started: float
    handed_at: datetime
    asked_to_stop_at: datetime | None = None


class Workers:
    """Starts runs, notices how they end, and stops the ones that a person cancelled."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._warm: subprocess.Popen[bytes] | None = None
        self._children: dict[int, subprocess.Popen[bytes]] = {}  # ours, to be reaped
        self._watched: dict[int, _Watched] = {}

    @property
    def busy(self) -> int:
        return len(self._watched)

    def adopt(self, now: datetime) -> None:
        """Watch the runs that others started: a daemon before, a command. One without a worker is queued again."""
        with self._state.database.read() as tx:
            running = [run for run in runs.unfinished(tx) if run.status is RunStatus.RUNNING]
        for run in running:
            if run.id in self._watched:
                continue
            pid, started = run.worker_pid or 0, run.worker_started or 0.0
            if same_process(pid, started):
                log.info("run %s goes on in worker %s", run.id, pid)
                self._watched[run.id] = _Watched(run.id, pid, started, now)
            else:
                self._lost(run.id, now, "its worker was gone")

    def warm_up(self) -> None:
        """Have a process ready that has already loaded the machine-learning libraries."""
        if self._warm is None or self._warm.poll() is not None:
            self._warm = spawn(
                "quarterdeck.scheduler.worker",
                "--workspace",
                str(self._state.workspace.root),
                log=self._state.workspace.logs / "worker.log",
                stdin=subprocess.PIPE,
                single_threaded=True,
            )

    def start(self, run: Run, now: datetime) -> None:
        """Hand a queued run to the warm worker."""
        self.warm_up()
        worker, self._warm = self._warm, None
        assert worker is not None and worker.stdin is not None
        try:
            worker.stdin.write(f"{run.id}\n".encode())
            worker.stdin.close()
        except BrokenPipeError:  # it died while it waited; the run is still queued and the next tick tries again
            log.warning("the waiting worker %s was gone", worker.pid)
            worker.wait()
            return
        self._children[worker.pid] = worker
        self._watched[run.id] = _Watched(run.id, worker.pid, process_started(worker.pid) or 0.0, now)

    def has(self, run_id: int) -> bool:
        return run_id in self._watched

    def tick(self, now: datetime) -> None:
        """Reap what has ended, stop what was cancelled, and take back runs that nobody has any more."""
        self._reap(now)
        self.adopt(now)

    def _reap(self, now: datetime) -> None:
        for watched in list(self._watched.values()):
            if same_process(watched.pid, watched.started):  # a child that ended and was not reaped is none either
                self._stop_if_cancelled(watched, now)
                continue
            child = self._children.pop(watched.pid, None)
            del self._watched[watched.run_id]
            self._ended(watched, None if child is None else child.wait(), now)

    def stop(self, now: datetime) -> None:
        """Ask every worker to stop, but for those of a command that follows its run; the runs go back to the queue."""
        if self._warm is not None and self._warm.stdin is not None:
            self._warm.stdin.close()
            self._warm.terminate()
            self._warm.wait()
        for run_id in [run_id for run_id, watched in self._watched.items() if _belongs_to_another(watched.pid)]:
            del self._watched[run_id]
        for watched in self._watched.values():
            self._signal(watched)
        processes = [psutil.Process(w.pid) for w in self._watched.values() if same_process(w.pid, w.started)]
        _, alive = psutil.wait_procs(processes, timeout=STOP_PATIENCE_S)
        for process in alive:
            process.kill()
        for watched in self._watched.values():
            child = self._children.get(watched.pid)
            if child is not None:
                child.wait()
            self._ended(watched, None, now, stopping=True)
        self._watched.clear()

    def _ended(self, watched: _Watched, code: int | None, now: datetime, *, stopping: bool = False) -> None:
        """A worker is gone: its run must not be left running."""
        with self._state.database.read() as tx:
            run = runs.get(tx, watched.run_id)
        if run.status is RunStatus.RUNNING and run.worker_pid == watched.pid:
            self._lost(run.id, now, "the daemon was stopped" if stopping else f"its worker died ({_exit(code)})")

    def _lost(self, run_id: int, now: datetime, why: str) -> None:
        """Queue a run again, to go on after its last finished step; end it if cancelled, or after too many times."""
        with self._state.database.write() as tx:
            run = runs.get(tx, run_id)
            if run.status is not RunStatus.RUNNING:
                return
            if run.cancel_requested:
                runs.finish(tx, run_id, RunStatus.CANCELLED, now=now, message="cancelled; its worker was stopped")
            elif run.attempt >= MAX_ATTEMPTS:
                error = f"{why}, {run.attempt} times; see `quarterdeck run logs {run_id}`"
                runs.finish(tx, run_id, RunStatus.FAILED, now=now, error=error)
            else:
                runs.requeue(tx, run_id, reason=f"{why}; goes on after its last finished step")
        log.warning("run %s: %s", run_id, why)

    def _stop_if_cancelled(self, watched: _Watched, now: datetime) -> None:
        with self._state.database.read() as tx:
            cancelled = runs.get(tx, watched.run_id).cancel_requested
        if not cancelled:
            return
        if watched.asked_to_stop_at is None:
            watched.asked_to_stop_at = now
            self._signal(watched)
        elif (now - watched.asked_to_stop_at).total_seconds() > STOP_PATIENCE_S:
            kill(watched.pid)

    def _signal(self, watched: _Watched) -> None:
        if same_process(watched.pid, watched.started):
            psutil.Process(watched.pid).send_signal(signal.SIGTERM)


def _belongs_to_another(pid: int) -> bool:
    """Whether a process that is neither we nor init started it: an orphan's parent is init."""
    try:
        return psutil.Process(pid).ppid() not in (1, os.getpid())
    except psutil.NoSuchProcess:
        return False


def _exit(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None:
        return "its exit was not seen"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
