"""Holds what the monitor found against each pipeline's drift and decay triggers: alerts, and runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.drift.verdict import DriftResult, decide_drift
from quarterdeck.core.manifest import Manifest, TriggerSpec
from quarterdeck.core.metrics.families import direction
from quarterdeck.core.operations import Trigger, Window
from quarterdeck.core.registry import Version
from quarterdeck.core.triggers import WindowDrift, WindowMetric, decay, drift_trigger
from quarterdeck.core.values import Alias, TriggerKind
from quarterdeck.scheduler.firing import fire
from quarterdeck.scheduler.state import State
from quarterdeck.store import alerts, registry, triggers, windows

log = logging.getLogger(__name__)

HISTORY = 60  # windows looked back at; far more than any trigger asks for in a row
SHOWN = 3  # features that a message names
LABELLED_SHARE = 0.8  # of a window's rows: late labels are often the bad ones, so a window waits for most of them


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A trigger's condition holds."""

    message: str
    at: datetime
    evidence: dict[str, Any]


class Watch:
    """Looks at the champion's closed windows whenever one of them changed."""

    def __init__(self, state: State) -> None:
        self._state = state

    def tick(self, manifests: Mapping[str, Manifest], touched: set[str], now: datetime) -> None:
        for model in sorted(touched):
            with self._state.database.write() as tx:
                self._look(tx, manifests[model], now)

    def _look(self, tx: Connection, manifest: Manifest, now: datetime) -> None:
        champion = registry.aliases(tx, manifest.name, self._state.environment).get(Alias.CHAMPION)
        if champion is None:
            return
        version = registry.get(tx, manifest.name, champion)
        found = windows.last(tx, manifest.name, version=champion, limit=HISTORY)
        closed = [window for window in found if window.closed]
        for trigger in triggers.every(tx, manifest.name):
            spec = next((spec for spec in manifest.triggers if spec.name == trigger.name), None)
            if spec is not None and trigger.kind in _JUDGES:
                finding = _JUDGES[trigger.kind](manifest, spec, version, closed)
                self._act(tx, trigger, spec, finding, now)

    def _act(self, tx: Connection, trigger: Trigger, spec: TriggerSpec, finding: Finding | None, now: datetime) -> None:
        """Raise or resolve the trigger's alert, and fire."""
        cause = {"model": trigger.pipeline, "kind": trigger.kind.value, "subject": trigger.name}
        if finding is None:
            alerts.resolve(tx, **cause, now=now)
            return
        alert = alerts.raise_alert(
            tx, **cause, message=finding.message, evidence=finding.evidence, now=now, event_at=finding.at
        )
        run = fire(
            tx,
            trigger,
            spec,
            now=now,
            environment=self._state.environment,
            evidence=finding.evidence,
            evidence_at=finding.at,
            alert_id=alert.id,
        )
        if run is not None:
            log.info("trigger %s/%s started run %s: %s", trigger.pipeline, trigger.name, run.id, finding.message)


def find_drift(manifest: Manifest, spec: TriggerSpec, version: Version, closed: list[Window]) -> Finding | None:
    """Enough features are far enough from what the champion was trained on."""
    judged = [
        WindowDrift(start=window.start, results=tuple(_judged(item, spec) for item in window.drift))
        for window in closed
        if window.drifted is not None
    ]
    evidence = drift_trigger(judged, features=spec.features, windows=spec.windows, width=manifest.monitoring.window)
    if evidence is None:
        return None
    values = {item.feature: item.value for item in judged[-1].results if item.feature in evidence.features}
    return Finding(
        message=f"{len(evidence.features)} features drifted: {_farthest(values)}",
        at=evidence.at,
        evidence={"version": version.number, "psi": values, "window": evidence.at.isoformat()},
    )


def _farthest(values: dict[str, float | None]) -> str:
    """The names of the features that are farthest out; the evidence has them all."""
    ordered = sorted(values, key=lambda name: -(values[name] or 0.0))
    rest = len(ordered) - SHOWN
    return ", ".join(ordered[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _judged(item: dict[str, Any], spec: TriggerSpec) -> DriftResult:
    """A stored result held against this trigger's own threshold, which is of the PSI whatever method judged it."""
    result = DriftResult.from_json(item)
    return decide_drift(
        feature=result.feature,
        method="psi",
        value=result.psi,
        threshold=spec.threshold,
        noise=result.psi_noise,
        n_reference=result.n_reference,
        n_window=result.n_window,
    )


def find_decay(manifest: Manifest, spec: TriggerSpec, version: Version, closed: list[Window]) -> Finding | None:
    """The champion's metric on labelled rows is worse than it was when it was trained."""
    reference = None if spec.metric is None else version.metrics.get(spec.metric)
    if reference is None or spec.metric is None or spec.worse_by is None:
        return None
    enough = [
        window
        for window in closed
        if window.labelled >= max(manifest.monitoring.minimum_rows, LABELLED_SHARE * window.rows)
    ]
    values = [
        WindowMetric(start=window.start, value=window.metrics.get(spec.metric), n=window.labelled) for window in enough
    ]
    evidence = decay(
        values,
        reference=reference,
        worse_by=spec.worse_by * abs(reference),
        windows=spec.windows,
        direction=direction(spec.metric),
        width=manifest.monitoring.window,
    )
    if evidence is None:
        return None
    last = evidence.windows[-1]
    return Finding(
        message=f"{spec.metric} is {last.value:.4g}, at training it was {reference:.4g}",
        at=evidence.at,
        evidence={
            "version": version.number,
            "metric": spec.metric,
            "reference": reference,
            "windows": [[window.start.isoformat(), window.value, window.n] for window in evidence.windows],
        },
    )


_JUDGES = {TriggerKind.DRIFT: find_drift, TriggerKind.DECAY: find_decay}
