"""Queued runs get workers: the oldest first, one run of a pipeline at a time, as many at once as the settings allow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from quarterdeck.core.values import RunStatus
from quarterdeck.scheduler.state import State
from quarterdeck.scheduler.workers import Workers
from quarterdeck.store import runs


class RunQueue:
    """Hands out what waits. `token` is that of the daemon's lease, which each worker checks when it takes its run."""

    def __init__(self, state: State, workers: Workers, token: Callable[[], int | None]) -> None:
        self._state, self._workers, self._token = state, workers, token

    def tick(self, _now: datetime) -> None:
        self._workers.warm_up()
        with self._state.database.read() as tx:
            pending = runs.unfinished(tx)
        running = {run.pipeline for run in pending if run.status is RunStatus.RUNNING or self._workers.has(run.id)}
        for run in pending:
            if self._workers.busy >= self._state.settings.workers:
                return
            if run.status is not RunStatus.QUEUED or run.pipeline in running or self._workers.has(run.id):
                continue
            running.add(run.pipeline)  # a run that has to wait keeps its place before the pipeline's others
            if self._workers.ready_for(run.id) and not self._workers.start(run, self._token()):
                return
