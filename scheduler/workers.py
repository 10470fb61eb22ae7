"""Worker processes: one warm and waiting, and those that have a run.

A worker is a process apart: a crash, a leak or an endless loop in a user's code costs that run and nothing else. It
claims its run itself and writes its own results, so a run goes on to its end even if the daemon dies meanwhile.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from datetime import datetime

import psutil

from quarterdeck.core.runs import Run
from quarterdeck.core.values import RunStatus
from quarterdeck.scheduler.backoff import Backoff
from quarterdeck.scheduler.lost_runs import LostRuns, exit_in_words
from quarterdeck.scheduler.memory import kill_family, kill_left, used_by
from quarterdeck.scheduler.processes import kill, spawn
from quarterdeck.scheduler.state import State
from quarterdeck.store import leases, runs
from quarterdeck.store.services import process_started, same_process

log = logging.getLogger(__name__)

STOP_PATIENCE_S = 5.0  # between asking a worker to stop and killing it
WEIGH_EVERY_S = 1.0  # how often the memory of runs is looked at
MB = 1 << 20


@dataclass(slots=True)
class _Watched:
    """A process that has, or was handed, a run. Times are on the monotonic clock."""

    run_id: int
    pid: int
    started: float
    asked_to_stop_at: float | None = None
    weighed_at: float = field(default_factory=time.monotonic)
    memory: int = 0  # bytes, when last weighed
    too_large: str | None = None  # it was ended for its memory: why, in words


class Workers:
    """Starts runs, notices how they end, and stops the ones that a person cancelled."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._warm: subprocess.Popen[bytes] | None = None
        self._warming = Backoff()
        self._children: dict[int, subprocess.Popen[bytes]] = {}  # ours, to be reaped
        self._watched: dict[int, _Watched] = {}
        self._lost = LostRuns(state)
        self._log = state.workspace.logs / "worker.log"
        self.problem: str | None = None

    def use(self, state: State) -> None:
        """Go on with other settings, or on a store that was opened anew: whose runs these are is found again."""
        self._state = state
        self._lost = LostRuns(state)
        self._watched.clear()

    @property
    def busy(self) -> int:
        return len(self._watched)

    @property
    def detail(self) -> list[dict[str, int]]:
        """The runs under way and what they use."""
        return [{"run": w.run_id, "pid": w.pid, "memory_mb": w.memory // MB} for w in self._watched.values()]

    def adopt(self, now: datetime) -> None:
        """Watch the runs that others started: a daemon before, a command. One without a worker is queued again."""
        with self._state.database.read() as tx:
            pending = runs.unfinished(tx)
            clock = leases.store_clock(tx)
        for run in pending:
            if run.status is not RunStatus.RUNNING or run.id in self._watched:
                continue
            if run.worker_place not in (None, leases.this_place()):
                self._lost.elsewhere(run, clock, now)
                continue
            pid, started = run.worker_pid or 0, run.worker_started or 0.0
            if same_process(pid, started):
                self._watched[run.id] = _Watched(run.id, pid, started)
            else:
                self._lost.take_back(run.id, now, "its worker was gone")

    def warm_up(self) -> None:
        """Have a process ready that has already loaded the machine-learning libraries."""
        if self._warm is not None and self._warm.poll() is None:
            self._warming.look()
            if not self._warming.failures:
                self.problem = None
            return
        if self._warm is not None:  # it died while it waited
            self._warming.failed()
            words = self._lost.last_words(None)
            ended = exit_in_words(self._warm.returncode)
            self.problem = f"a waiting worker died ({ended}), {self._warming.failures} times on end{words}"
            log.warning("%s; the next one in %.1f s", self.problem, self._warming.wait_s)
            self._warm = None
        if not self._warming.ready:
            return
        self._warming.started()
        self._warm = spawn(
            "quarterdeck.scheduler.worker",
            "--workspace",
            str(self._state.workspace.root),
            log=self._log,
            stdin=subprocess.PIPE,
            single_threaded=True,
        )

    def ready_for(self, run_id: int) -> bool:
        """Whether a queued run may be handed out now: one whose worker died waits a little longer each time."""
        return self._lost.ready(run_id)

    def start(self, run: Run, token: int | None) -> bool:
        """Hand a queued run, with the token of the daemon's lease, to the warm worker; False if there is none."""
        self.warm_up()
        if self._warm is None:
            return False
        worker, self._warm = self._warm, None
        assert worker.stdin is not None
        try:
            worker.stdin.write(f"{run.id}{'' if token is None else f' {token}'}\n".encode())
            worker.stdin.close()
        except BrokenPipeError:  # it died while it waited; the run is still queued and the next tick tries again
            self._warm = worker
            worker.wait()
            return False
        self._children[worker.pid] = worker
        self._watched[run.id] = _Watched(run.id, worker.pid, process_started(worker.pid) or 0.0)
        return True

    def has(self, run_id: int) -> bool:
        return run_id in self._watched

    def tick(self, now: datetime) -> None:
        """Reap what has ended, stop what was cancelled, and take back runs that nobody has any more."""
        self._reap(now)
        self.adopt(now)

    def _reap(self, now: datetime) -> None:
        for watched in list(self._watched.values()):
            if same_process(watched.pid, watched.started):  # a child that ended and was not reaped is none either
                self._stop_if_cancelled(watched)
                self._weigh(watched)
                continue
            child = self._children.get(watched.pid)
            if child is not None and child.returncode is None:
                kill_left(watched.pid)  # before it is reaped: until then its number is nobody else's
            code = None if child is None else child.wait()
            self._ended(watched, code, now)  # kept until that is written: the store may not be there now
            self._children.pop(watched.pid, None)
            self._watched.pop(watched.run_id, None)
        known = {watched.pid for watched in self._watched.values()}
        for pid in [pid for pid, child in self._children.items() if pid not in known and child.poll() is not None]:
            del self._children[pid]  # of a run that was found with another worker

    def stop(self, now: datetime) -> None:
        """Ask every worker to stop, but for those of a command that follows its run; the runs go back to the queue."""
        self.dismiss()
        for run_id in [run_id for run_id, watched in self._watched.items() if _belongs_to_another(watched.pid)]:
            del self._watched[run_id]
        for watched in self._watched.values():
            self._signal(watched)
        processes = [psutil.Process(w.pid) for w in self._watched.values() if same_process(w.pid, w.started)]
        _, alive = psutil.wait_procs(processes, timeout=STOP_PATIENCE_S)
        for process in alive:
            kill_family(process.pid)
        for watched in self._watched.values():
            child = self._children.get(watched.pid)
            if child is not None:
                kill_left(watched.pid)
                child.wait()
            self._ended(watched, None, now, stopping=True)
        self._watched.clear()

    def dismiss(self) -> None:
        """Send the waiting worker away; those with a run go on."""
        if self._warm is not None and self._warm.stdin is not None:
            self._warm.stdin.close()
            self._warm.terminate()
            self._warm.wait()
            self._warm = None

    def _ended(self, watched: _Watched, code: int | None, now: datetime, *, stopping: bool = False) -> None:
        """A worker is gone: its run must not be left running, nor be handed out for ever."""
        with self._state.database.read() as tx:
            run = runs.get(tx, watched.run_id)
        if run.status is RunStatus.QUEUED and not stopping:
            self._lost.unclaimed(run, code, now)
        if run.status is not RunStatus.RUNNING or run.worker_pid != watched.pid:
            return
        if watched.too_large is not None:
            self._lost.fail(run.id, now, watched.too_large)
            return
        why = "the daemon was stopped" if stopping else f"its worker died ({exit_in_words(code)})"
        self._lost.take_back(run.id, now, why)

    def _weigh(self, watched: _Watched) -> None:
        """End a run that uses more memory than a run may."""
        if time.monotonic() - watched.weighed_at < WEIGH_EVERY_S:
            return
        watched.weighed_at = time.monotonic()
        watched.memory = used_by(watched.pid)
        most = self._state.settings.run_memory_mb
        if most and watched.memory > most * MB and watched.too_large is None:
            watched.too_large = (
                f"it used {watched.memory // MB:,} MB of memory, more than the {most:,} MB that [daemon] run_memory_mb "
                "allows a run: give it fewer rows or columns, or allow more"
            )
            log.warning("run %s is ended: %s", watched.run_id, watched.too_large)
            kill_family(watched.pid)

    def _stop_if_cancelled(self, watched: _Watched) -> None:
        with self._state.database.read() as tx:
            cancelled = runs.get(tx, watched.run_id).cancel_requested
        if not cancelled:
            return
        if watched.asked_to_stop_at is None:
            watched.asked_to_stop_at = time.monotonic()
            self._signal(watched)
        elif time.monotonic() - watched.asked_to_stop_at > STOP_PATIENCE_S:
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
