"""Holds what the monitor found against each pipeline's drift and decay triggers: alerts, and runs."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.alerting_rules import rules_for
from quarterdeck.core.alerting_spec import AlertOn, reopens_within, rule_for
from quarterdeck.core.drift.verdict import DriftResult, decide_drift
from quarterdeck.core.manifest import Manifest, TriggerSpec
from quarterdeck.core.metrics.families import METRICS, direction
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
HARM = 0.1  # of a metric's value at training: drift that costs less is no loss
CHANCE = 3.0  # standard errors: what differs by less may be chance
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
                self._act(tx, manifest, trigger, spec, finding, now)

    def _act(
        self,
        tx: Connection,
        manifest: Manifest,
        trigger: Trigger,
        spec: TriggerSpec,
        finding: Finding | None,
        now: datetime,
    ) -> None:
        """Raise or resolve the trigger's alert, and fire."""
        cause = {"model": trigger.pipeline, "kind": trigger.kind.value, "subject": trigger.name}
        if finding is None:
            alerts.resolve(tx, **cause, now=now)
            return
        rule = rule_for(rules_for(manifest), _RULES[trigger.kind], spec.metric)
        alert = alerts.raise_alert(
            tx,
            **cause,
            message=finding.message,
            evidence=finding.evidence,
            now=now,
            event_at=finding.at,
            severity=rule.severity,
            reopens_within=reopens_within(rule, manifest.monitoring.window),
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
            width=manifest.monitoring.window,
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
        evidence={
            "version": version.number,
            "psi": values,
            "window": evidence.at.isoformat(),
            "loss": _loss(manifest, version, [window for window in closed if window.start in evidence.windows]),
        },
    )


def _loss(manifest: Manifest, version: Version, windows: list[Window]) -> bool | None:
    """Whether the model has become worse in these windows, by labels or estimates; None where nothing tells.

    Worse is by more than a tenth of the metric's value at training and by more than chance in each of them. Where a
    window has no standard error, that of a mean absolute value of so many rows stands for it, about one part in the
    root of their number: small windows would else find a loss every other week.
    """
    asked = [result.metric for result in version.verdicts]  # the first gate's metric stands for the model
    metric = next((name for name in (*asked, *METRICS) if name in METRICS and name in version.metrics), None)
    if metric is None:
        return None
    reference = version.metrics[metric]
    spec = TriggerSpec(name="", kind=TriggerKind.DECAY, metric=metric, on_estimate=True)
    found = [value for window in windows if (value := _measured(manifest, spec, window)) is not None]
    values = [replace(value, standard_error=CHANCE * _error(value, reference)) for value in found]
    if not any(value.value is not None for value in values):
        return None
    harm = HARM * abs(reference)
    evidence = decay(values, reference=reference, worse_by=harm, windows=len(values), direction=direction(metric))
    return evidence is not None


def _error(value: WindowMetric, reference: float) -> float:
    return abs(reference) / math.sqrt(max(value.n, 1)) if value.standard_error is None else value.standard_error


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
    values = [value for window in closed if (value := _measured(manifest, spec, window)) is not None]
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
    word = "is" if last.start not in _estimated(manifest, spec, closed) else "is estimated at"
    return Finding(
        message=f"{spec.metric} {word} {last.value:.4g}, at training it was {reference:.4g}",
        at=evidence.at,
        evidence={
            "version": version.number,
            "metric": spec.metric,
            "reference": reference,
            "windows": [[window.start.isoformat(), window.value, window.n] for window in evidence.windows],
            "estimated": [
                window.start.isoformat()
                for window in evidence.windows
                if window.start in _estimated(manifest, spec, closed)
            ],
        },
    )


def _measured(manifest: Manifest, spec: TriggerSpec, window: Window) -> WindowMetric | None:
    """The window's metric on its labels, else its estimate where the trigger asks for it; None: it is not judged."""
    assert spec.metric is not None
    if _has_labels(manifest, window):
        error = _performance(window, spec.metric, "labelled").get("standard_error")
        value = window.metrics.get(spec.metric)
        return WindowMetric(start=window.start, value=value, n=window.labelled, standard_error=error)
    estimate = _performance(window, spec.metric, "estimated") if spec.on_estimate else {}
    if estimate.get("value") is None:
        return None
    number, error = int(estimate.get("n") or 0), estimate.get("standard_error")
    return WindowMetric(start=window.start, value=estimate["value"], n=number, standard_error=error)


def _has_labels(manifest: Manifest, window: Window) -> bool:
    return window.labelled >= max(manifest.monitoring.minimum_rows, LABELLED_SHARE * window.rows)


def _performance(window: Window, metric: str, kind: str) -> dict[str, Any]:
    """The window's own item of a metric, not a slice's; empty where there is none."""
    items: list[dict[str, Any]] = getattr(window, "performance", None) or []
    return next(
        (item for item in items if item.get("metric") == metric and item.get("kind") == kind and not item.get("slice")),
        {},
    )


def _estimated(manifest: Manifest, spec: TriggerSpec, closed: list[Window]) -> set[datetime]:
    """The windows for which an estimate stands."""
    return {window.start for window in closed if spec.on_estimate and not _has_labels(manifest, window)}


# The rules of alerts whose severity the triggers' own alerts have.
_RULES = {TriggerKind.DRIFT: AlertOn.DRIFT, TriggerKind.DECAY: AlertOn.PERFORMANCE}
_JUDGES = {TriggerKind.DRIFT: find_drift, TriggerKind.DECAY: find_decay}
