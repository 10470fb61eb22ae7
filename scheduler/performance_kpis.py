"""KPIs of monitored windows: measured one window after another, in a process of their own (kpi_child.py)."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any

from quarterdeck.core.manifest import Manifest
from quarterdeck.core.manifest_reader import FILE_NAME
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.performance.finding import LABELLED_SHARE, Finding, Kind
from quarterdeck.core.performance.kpi import KpiFigure
from quarterdeck.core.performance.labelled import interval_of
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Task
from quarterdeck.scheduler.duel_rows import answers_in_words, kpis_asked
from quarterdeck.scheduler.kpi_child import LIMIT_S
from quarterdeck.scheduler.processes import ask_aside
from quarterdeck.scheduler.state import State
from quarterdeck.store import registry, windows
from quarterdeck.store.performance_rows import Answers, window_answers
from quarterdeck.store.traffic import micros

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=LIMIT_S + 5)  # the child stops itself; this is for one that cannot
Place = tuple[str, int, datetime]  # model, version, start of the window


@dataclass(frozen=True, kw_only=True, slots=True)
class _Running:
    place: Place
    share: float  # of the rows that had a label
    n: int
    child: subprocess.Popen[bytes]
    answer: IO[bytes]
    since: datetime


class KpiWindows:
    """What waits, and at most one process that measures."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._waiting: dict[Place, datetime] = {}  # the window's end
        self._running: _Running | None = None

    def wanted(self, manifest: Manifest, labelled: int, kept: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a closed window's KPIs are to be measured: there are some, and labels came since they were."""
        if labelled < manifest.monitoring.minimum_rows or not kpis_asked(manifest):
            return False
        return not kept or any(item["n"] != labelled for item in kept)

    def want(self, place: Place, end: datetime) -> None:
        self._waiting[place] = end

    def tick(self, manifests: Mapping[str, Manifest], now: datetime) -> set[str]:
        """Take what has been measured, and begin with the next; gives the models whose windows changed."""
        touched = self._poll(manifests, now)
        while self._running is None and self._waiting:
            place = min(self._waiting, key=lambda one: one[2])
            end = self._waiting.pop(place)
            if place[0] in manifests:
                self._start(place, end, manifests[place[0]], now)
        return touched

    def close(self) -> None:
        """End what is still running; the next daemon asks again."""
        if self._running is not None:
            self._running.child.kill()
            self._running.child.wait()
            self._running.answer.close()
            self._running = None

    def _start(self, place: Place, end: datetime, manifest: Manifest, now: datetime) -> None:
        with self._state.database.read() as tx:
            version = registry.get(tx, place[0], place[1])
        with self._state.traffic.read() as tx:
            answers = window_answers(tx, place[0], place[1], micros(place[2]), micros(end))
        if not answers.labelled:
            return
        order = {"manifest": str(manifest.folder / FILE_NAME), "window": _request(version.signature, answers)}
        log_file = self._state.workspace.logs / "kpis.log"
        child, answer = ask_aside("quarterdeck.scheduler.kpi_child", order, log=log_file)
        labelled = len(answers.labelled)
        self._running = _Running(
            place=place, share=labelled / len(answers.rows), n=labelled, child=child, answer=answer, since=now
        )

    def _poll(self, manifests: Mapping[str, Manifest], now: datetime) -> set[str]:
        running = self._running
        if running is None:
            return set()
        code = running.child.poll()
        if code is None and now - running.since <= PATIENCE:
            return set()
        if code is None:
            running.child.kill()
            code = running.child.wait()
        self._running = None
        with running.answer as answer:
            answer.seek(0)
            text = answer.read()
        manifest = manifests.get(running.place[0])
        if manifest is not None:
            self._keep(manifest, running, _figures(manifest, running, code, text))
        return {running.place[0]}

    def _keep(self, manifest: Manifest, running: _Running, figures: Sequence[KpiFigure]) -> None:
        with self._state.database.write() as tx:
            version = registry.get(tx, running.place[0], running.place[1])
            window = windows.find(tx, *running.place)
            if window is None:
                return
            others = [item for item in window.performance if item["kind"] != Kind.KPI]
            found = [finding(manifest, version, item, running.share).to_json() for item in figures]
            windows.set_performance(tx, *running.place, others + found)


def _request(signature: Signature, answers: Answers) -> dict[str, Any]:
    rows = [row for row in answers.labelled if signature.task is not Task.MULTICLASS or row.probabilities is not None]
    scores = [json.loads(row.probabilities) if signature.task is Task.MULTICLASS else row.score for row in rows]
    return {
        "y_true": [json.loads(row.label) for row in rows],
        "y_pred": answers_in_words(signature, scores),
        "inputs": [row.inputs for row in rows],
    }


def _figures(manifest: Manifest, running: _Running, code: int, text: bytes) -> list[KpiFigure]:
    """The figures, or for each KPI the reason why there are none."""
    try:
        found = json.loads(text) if code == 0 else {}
        if "kpis" in found:
            return [KpiFigure(**item) for item in found["kpis"]]
        problem = found.get("problem") or f"its process ended with exit {code}; see kpis.log"
    except (ValueError, TypeError) as error:
        problem = f"its answer cannot be read: {error}"
    log.warning("the KPIs of %s@%s, window of %s: %s", *running.place, problem)
    return [KpiFigure(name=kpi.name, n=running.n, problem=problem) for kpi in kpis_asked(manifest)]


def finding(manifest: Manifest, version: Version, item: KpiFigure, share: float) -> Finding:
    """A KPI held against the limits of its gates, where labels enough have come."""
    limits = [gate for gate in manifest.gates if gate.metric == item.name and gate.slice is None]
    low = max((gate.minimum for gate in limits if gate.minimum is not None), default=None)
    high = min((gate.maximum for gate in limits if gate.maximum is not None), default=None)
    error = item.standard_error
    interval = None if item.value is None or error is None else interval_of(item.name, item.value, error, item.n)
    enough = item.n >= manifest.monitoring.minimum_rows and share >= LABELLED_SHARE
    said = item.problem or ("" if share >= LABELLED_SHARE else f"{share:.0%} of the rows have labels")
    return Finding(
        metric=item.name,
        kind=Kind.KPI,
        value=item.value,
        n=item.n,
        lower=None if interval is None else interval[0],
        upper=None if interval is None else interval[1],
        standard_error=error,
        reference=version.metrics.get(item.name),
        threshold_low=low,
        threshold_high=high,
        alert=enough and beyond(item.value, low, high),
        note=said,
    )


def beyond(value: float | None, low: float | None, high: float | None) -> bool:
    return value is not None and ((low is not None and value < low) or (high is not None and value > high))
