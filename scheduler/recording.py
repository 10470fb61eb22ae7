"""Tells the store how a run goes, step by step: the console shows it while it happens."""

from __future__ import annotations

import logging
from typing import Any

from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.pipeline.graph import Graph
from quarterdeck.core.pipeline.ports import Made
from quarterdeck.core.values import StepStatus
from quarterdeck.store import runs, steps
from quarterdeck.store.engine import Database

log = logging.getLogger(__name__)


class Recording:
    """The recorder of one run; each call is one short transaction."""

    def __init__(self, database: Database, run_id: int, graph: Graph, *, done: int = 0) -> None:
        self._database = database
        self._run_id = run_id
        self._steps = len(graph.order)
        self._done = done

    def step_started(self, step: str, *, attempt: int) -> None:
        log.info("step %s%s", step, f", attempt {attempt}" if attempt > 1 else "")
        self._change(step, status=StepStatus.RUNNING, attempt=attempt, started_at=utc_now(), error=None)

    def step_progress(self, step: str, fraction: float, message: str) -> None:
        self._change(step, progress=fraction, message=message, during=fraction)

    def step_finished(self, step: str, made: Made) -> None:
        log.info("step %s took %.2f s", step, made.seconds)
        self._keep(step, StepStatus.SUCCEEDED, made)

    def step_cached(self, step: str, made: Made) -> None:
        log.info("step %s: unchanged, taken from the cache", step)
        self._keep(step, StepStatus.CACHED, made)

    def step_failed(self, step: str, error: QuarterdeckError, *, trace: str, retry_in: float | None) -> None:
        log.error("step %s: %s\n%s", step, error, trace)
        again = "" if retry_in is None else f"; again in {retry_in:.0f} s"
        self._change(step, status=StepStatus.FAILED, finished_at=utc_now(), error=str(error), message=f"failed{again}")

    def step_skipped(self, step: str, *, needs: str) -> None:
        self._change(step, status=StepStatus.SKIPPED, message=f"needs {needs}, which failed")

    def _keep(self, step: str, status: StepStatus, made: Made) -> None:
        """A step is done: its result, lineage and metrics are one transaction."""
        self._done += 1
        with self._database.write() as tx:
            steps.change(
                tx,
                self._run_id,
                step,
                status=status,
                finished_at=utc_now(),
                progress=1.0,
                cache_key=made.key,
                result=made.result,
            )
            steps.record_lineage(tx, self._run_id, step, inputs=made.inputs, output=made.result)
            steps.record_metrics(tx, self._run_id, step, made.metrics)
            runs.set_progress(tx, self._run_id, progress=self._done / self._steps, message=step)

    def _change(self, step: str, *, during: float = 0.0, **values: Any) -> None:
        with self._database.write() as tx:
            steps.change(tx, self._run_id, step, **values)
            runs.set_progress(tx, self._run_id, progress=(self._done + during) / self._steps, message=step)
