"""Runs whose worker is gone: queued again to go on after their last finished step, or ended with the reason."""

from __future__ import annotations

import logging
import re
import signal
from datetime import datetime
from pathlib import Path

from quarterdeck.core.errors import UnavailableError
from quarterdeck.core.runs import MAX_ATTEMPTS, Run
from quarterdeck.core.values import RunStatus
from quarterdeck.scheduler.backoff import Backoff
from quarterdeck.scheduler.run_pulse import longest_silence
from quarterdeck.scheduler.state import State
from quarterdeck.store import leases, runs

log = logging.getLogger(__name__)

# the last line of a traceback, or of our own log where it tells of an error
_ERROR = re.compile(r"(?:\S+Z ERROR \S+ )(?P<said>.+)|(?P<raised>[\w.]*(?:Error|Exception)\b.*)")
_READ = 4096  # bytes of a log's end


class LostRuns:
    """Takes runs back. Forgets with the daemon how often each was tried; the run's own count of attempts stays."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._tried: dict[int, Backoff] = {}

    def ready(self, run_id: int) -> bool:
        tried = self._tried.get(run_id)
        return tried is None or tried.ready

    def take_back(self, run_id: int, now: datetime, why: str) -> None:
        """Queue a run again, to go on after its last finished step; end it if cancelled, or after too many times."""
        with self._state.database.write() as tx:
            run = runs.get(tx, run_id)
            if run.status is not RunStatus.RUNNING:
                return
            if run.cancel_requested:
                runs.finish(tx, run_id, RunStatus.CANCELLED, now=now, message="cancelled; its worker was stopped")
            elif run.attempt >= MAX_ATTEMPTS:
                words = self.last_words(run_id)
                error = f"{why}, {run.attempt} times; see `quarterdeck run logs {run_id}`{words}"
                runs.finish(tx, run_id, RunStatus.FAILED, now=now, error=error)
            else:
                runs.requeue(tx, run_id, reason=f"{why}; goes on after its last finished step")
        self._failed(run_id)
        log.warning("run %s: %s", run_id, why)

    def elsewhere(self, run: Run, clock: float, now: datetime) -> None:
        """A run with a worker on another machine: taken back if that one was silent for too long."""
        silent = clock - (run.worker_seen or 0.0)
        if silent > longest_silence(self._state.settings.lease_seconds):
            where = leases.machine_of(run.worker_place)
            self.take_back(run.id, now, f"its worker on {where} has said nothing for {silent:.0f} s")

    def unclaimed(self, run: Run, code: int | None, now: datetime) -> None:
        """A worker that was handed the run ended without taking it; after some times the run has failed."""
        if code in (None, 0):  # another took it and gave it back, or its daemon's lease was lost
            return
        tried = self._failed(run.id)
        words = self.last_words(run.id)
        log.warning("run %s: its worker ended before it began (%s)%s", run.id, exit_in_words(code), words)
        if code != UnavailableError.exit_code and tried.failures >= MAX_ATTEMPTS:
            why = f"its worker ended before it began ({exit_in_words(code)}), {tried.failures} times on end{words}"
            self.fail(run.id, now, why)

    def fail(self, run_id: int, now: datetime, why: str) -> None:
        with self._state.database.write() as tx:
            run = runs.get(tx, run_id)
            if not run.status.finished:
                runs.finish(tx, run_id, RunStatus.FAILED, now=now, error=why)
        self._tried.pop(run_id, None)

    def last_words(self, run_id: int | None) -> str:
        """The error with which a worker's log ends, to be put behind a sentence; "" where it ends otherwise."""
        logs = self._state.workspace.logs
        path = logs / "worker.log" if run_id is None else logs / f"run-{run_id}.log"
        found = _ERROR.fullmatch(_last_line(path))
        return "" if found is None else f": {found['said'] or found['raised']}"

    def _failed(self, run_id: int) -> Backoff:
        tried = self._tried.setdefault(run_id, Backoff())
        tried.failed()
        return tried


def _last_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _READ))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")[:500]


def exit_in_words(code: int | None) -> str:
    """How a process ended."""
    if code is None:
        return "its exit was not seen"
    if code == -signal.SIGKILL:
        return "signal SIGKILL: a person, or the system where memory ran out"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
