"""What each window says of its version's performance: made of the log's rows whenever the monitor judges the window.

Closed windows are looked at whenever something about them changed, open ones now and then. Estimates of later windows
depend on what the labels of earlier ones said: where that changes, the later ones are marked anew. KPIs are the user's
code and come later, from a process of their own.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import numpy as np

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.operations import Window
from quarterdeck.core.performance.finding import Finding, Kind
from quarterdeck.core.performance.judging import WindowRows
from quarterdeck.core.performance.reference import Reference
from quarterdeck.core.performance.validity import Judged, invalid_since, mark
from quarterdeck.core.performance.window import judge_window
from quarterdeck.core.registry import Version
from quarterdeck.core.statistics.wilson import wilson_interval
from quarterdeck.core.values import Task
from quarterdeck.scheduler.performance_kpis import KpiWindows
from quarterdeck.scheduler.state import State
from quarterdeck.store import windows
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.performance_rows import Answers, window_answers
from quarterdeck.store.traffic import micros

log = logging.getLogger(__name__)

OPEN_EVERY = timedelta(seconds=30)  # an open window changes all the time
HISTORY = 60  # windows before one that say whether its estimates are to be believed
AFTER = 500  # windows after one that are marked anew


class Place(NamedTuple):
    """One window of one version."""

    model: str
    version: int
    start: datetime


class Performing:
    """Judges windows for the monitor; keeps what versions' held-out rows taught, and the KPIs being measured."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._artifacts = ArtifactStore(state.settings.artifacts_url or state.workspace.artifacts)
        self._references: dict[tuple[str, int], Reference | None] = {}
        self._looked: dict[Place, datetime] = {}
        self._changed: set[Place] = set()
        self._kpis = KpiWindows(state)

    def judge(
        self, window: Window, version: Version, manifest: Manifest, before: Window | None, now: datetime
    ) -> list[dict[str, Any]]:
        """A window's findings as JSON; `before` is what is kept of it so far."""
        kept = [] if before is None else before.performance
        place = Place(window.model, window.version, window.start)
        if not window.closed and now - self._looked.get(place, now - OPEN_EVERY) < OPEN_EVERY:
            return kept
        kpis = [item for item in kept if item["kind"] == Kind.KPI]
        if kept and before is not None and _is_same(before, window):  # a daemon that starts looks at every window
            if not kpis and self._kpis.wanted(manifest, window.labelled, kpis):
                self._kpis.want(place, window.end)
            return kept
        with self._state.traffic.read() as tx:
            answers = window_answers(tx, *place[:2], micros(window.start), micros(window.end))
        if answers.total < window.rows and kept:
            return kept  # retention has taken answers out: what was found while they were there stays
        self._look_again(place, window.closed, now)
        findings = self._findings(window, version, manifest, answers)
        if window.closed and self._kpis.wanted(manifest, len(answers.labelled), kpis):
            self._kpis.want(place, window.end)
        if _agrees(findings) != _agrees([Finding.from_json(item) for item in kept]):
            self._changed.add(place)
        return [item.to_json() for item in findings] + kpis

    def tick(self, manifests: Mapping[str, Manifest], now: datetime) -> set[str]:
        """Mark later windows where labels have spoken, and take in KPIs; gives the models whose windows changed."""
        touched = {place.model for place in self._changed}
        for place in sorted(self._changed):
            self._mark_later(place)
        self._changed.clear()
        return touched | self._kpis.tick(manifests, now)

    def close(self) -> None:
        self._kpis.close()

    def _look_again(self, place: Place, closed: bool, now: datetime) -> None:
        if closed:
            self._looked.pop(place, None)
        else:
            self._looked[place] = now

    def _findings(self, window: Window, version: Version, manifest: Manifest, answers: Answers) -> tuple[Finding, ...]:
        with self._state.database.read() as tx:
            earlier = windows.before(tx, window.model, window.version, window.start, limit=HISTORY)
        rows = window_rows(version.signature, window.start, answers)
        found = judge_window(
            rows,
            version.signature,
            self._reference(version),
            minimum_rows=manifest.monitoring.minimum_rows,
            before=[judged(item) for item in earlier],
        )
        return (*found, *_served(window, answers))

    def _reference(self, version: Version) -> Reference | None:
        """What its held-out rows taught, kept; None if it has none or it cannot be read."""
        key = (version.model, version.number)
        if key not in self._references:
            self._references[key] = self._load(version)
        return self._references[key]

    def _load(self, version: Version) -> Reference | None:
        try:
            if version.performance is None:
                return None
            return Reference.from_bytes(self._artifacts.get(version.performance))
        except QuarterdeckError as error:
            log.error("the performance of %s cannot be estimated: %s", version.reference, error)
            return None

    def _mark_later(self, place: Place) -> None:
        with self._state.database.write() as tx:
            earlier = windows.before(tx, *place[:2], place.start + timedelta(microseconds=1), limit=HISTORY)
            history = [judged(item) for item in earlier]
            for window in windows.after(tx, *place, limit=AFTER):
                one = judged(window)
                history.append(one)
                marked = mark(one.findings, invalid_since(history[-HISTORY:]))
                if marked != one.findings:
                    windows.set_performance(tx, window.model, window.version, window.start, [
                        item.to_json() for item in marked
                    ])  # fmt: skip


def _is_same(before: Window, window: Window) -> bool:
    """Whether nothing came to a closed window since it was judged."""
    return before.closed and (before.rows, before.labelled) == (window.rows, window.labelled)


def judged(window: Window) -> Judged:
    return Judged(start=window.start, findings=tuple(Finding.from_json(item) for item in window.performance))


def _agrees(findings: Sequence[Finding]) -> bool | None:
    return Judged(start=datetime.min, findings=tuple(findings)).agrees  # noqa: DTZ901  # no time is asked for


def window_rows(signature: Signature, start: datetime, answers: Answers) -> WindowRows:
    """The log's rows as the judgement takes them. Rows of several classes without probabilities are left out."""
    rows = answers.rows
    if signature.task is Task.MULTICLASS:
        rows = [row for row in rows if row.probabilities is not None]
        scores = np.array([json.loads(row.probabilities) for row in rows], dtype=np.float64)
        scores = scores.reshape(len(rows), len(signature.classes or ()))
    else:
        scores = np.array([row.score for row in rows], dtype=np.float64)
    inputs = [msgspec.json.decode(row.inputs) if row.inputs else {} for row in rows]
    names = dict.fromkeys((*signature.names, *(inputs[0] if inputs else ())))
    return WindowRows(
        start=start,
        scores=scores,
        labels=[None if row.label is None else json.loads(row.label) for row in rows],
        columns={name: [item.get(name) for item in inputs] for name in names},
        total=answers.total,
    )


def _served(window: Window, answers: Answers) -> tuple[Finding, ...]:
    """Latency and errors of the version's answers, and how many a second it was asked for."""
    served = answers.served
    if served is None:
        return ()
    seconds = (window.end - window.start) / timedelta(seconds=1)
    found = [Finding(metric="requests_per_second", kind=Kind.SERVED, value=answers.total / seconds, n=answers.total)]
    if served.error_rate is not None:
        low, high = wilson_interval(served.error_rate, served.requests)
        rate = Finding(metric="error_rate", kind=Kind.SERVED, value=served.error_rate, n=served.requests)
        found.append(replace(rate, lower=low, upper=high))
    for name, value in (("p50_ms", window.p50_ms), ("p99_ms", window.p99_ms)):
        if value is not None:
            found.append(Finding(metric=name, kind=Kind.SERVED, value=value, n=answers.total))
    return tuple(found)
