"""The rules of alerts as values: `[[alerts]]` of pipeline.toml and quarterdeck.toml, and what holds without a line.

manifest_alerts.py reads them, alerting_rules.py and alerting_live.py judge by them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from quarterdeck.core.values import Severity


class AlertOn(StrEnum):
    """What a rule watches."""

    DRIFT = "drift"  # features of the champion's windows differ from training
    QUALITY = "quality"  # features of its windows are missing, out of range, of the wrong type ...
    PERFORMANCE = "performance"  # a metric on labelled rows is beyond its limits
    ESTIMATE = "estimate"  # a metric estimated without labels is
    KPI = "kpi"  # a business KPI is
    ERRORS = "errors"  # the champion cannot answer
    LATENCY = "latency"  # it answers slowly
    SILENCE = "silence"  # no traffic where there used to be
    RUN = "run"  # runs of the pipeline fail
    DAEMON = "daemon"  # a part of the daemon does not do its work
    LOG = "log"  # predictions were answered and not logged


OF_WINDOWS = (AlertOn.DRIFT, AlertOn.QUALITY, AlertOn.PERFORMANCE, AlertOn.ESTIMATE, AlertOn.KPI)
LIVE = (AlertOn.ERRORS, AlertOn.LATENCY, AlertOn.SILENCE, AlertOn.RUN)  # by the wall clock
OF_MODEL = (*OF_WINDOWS, *LIVE)  # set in pipeline.toml
OF_WORKSPACE = (AlertOn.DAEMON, AlertOn.LOG)  # set in quarterdeck.toml
OF_METRICS = (AlertOn.PERFORMANCE, AlertOn.ESTIMATE, AlertOn.KPI)

# What the threshold of a kind is called; the kinds without one have limits, or only a time.
THRESHOLDS: dict[AlertOn, str] = {
    AlertOn.DRIFT: "features",
    AlertOn.QUALITY: "features",
    AlertOn.ERRORS: "rate",
    AlertOn.LATENCY: "p99_ms",
    AlertOn.RUN: "failures",
    AlertOn.LOG: "rows",
}
LASTING = (AlertOn.ERRORS, AlertOn.LATENCY, AlertOn.SILENCE, AlertOn.DAEMON, AlertOn.LOG)  # those with `for`


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertSpec:
    """One rule. Which fields say something depends on `on`."""

    on: AlertOn
    off: bool = False
    severity: Severity = Severity.WARNING
    threshold: float = 1.0  # from which it is raised; THRESHOLDS names its unit
    critical: float | None = None  # from which it is critical
    windows: int = 1  # in a row
    lasting: timedelta = timedelta(0)  # `for`: how long, or over which time
    cooldown: timedelta | None = None  # seen again within it, it is the same alert; None: see reopens_within()
    metric: str | None = None  # None: each that is measured
    minimum: float | None = None  # of the metric, in place of the limits that its measure has
    maximum: float | None = None
    slices: bool = False  # also the slices' values
    where: str | None = field(default=None, compare=False)


_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)

DEFAULTS: dict[AlertOn, AlertSpec] = {
    spec.on: spec
    for spec in (
        AlertSpec(on=AlertOn.DRIFT, windows=2),
        AlertSpec(on=AlertOn.QUALITY, windows=2),
        AlertSpec(on=AlertOn.PERFORMANCE, windows=2),
        AlertSpec(on=AlertOn.ESTIMATE, windows=2),
        AlertSpec(on=AlertOn.KPI, windows=2),
        AlertSpec(on=AlertOn.ERRORS, threshold=0.05, critical=0.25, lasting=5 * _MINUTE),
        AlertSpec(on=AlertOn.LATENCY, threshold=1_000.0, lasting=5 * _MINUTE),
        AlertSpec(on=AlertOn.SILENCE, lasting=_HOUR),
        AlertSpec(on=AlertOn.RUN, critical=3),
        AlertSpec(on=AlertOn.DAEMON, severity=Severity.CRITICAL, lasting=_MINUTE),
        AlertSpec(on=AlertOn.LOG, lasting=5 * _MINUTE),
    )
}


def rules_of(given: Iterable[AlertSpec], kinds: Iterable[AlertOn]) -> tuple[AlertSpec, ...]:
    """The rules that hold, those that are off too: what is given, and the defaults of the kinds without any."""
    found = tuple(given)
    general = {spec.on for spec in found if spec.metric is None}
    return (*found, *(DEFAULTS[kind] for kind in kinds if kind not in general))


def rule_for(rules: Iterable[AlertSpec], on: AlertOn, metric: str | None = None) -> AlertSpec:
    """The rule of a kind: the metric's own before the general one."""
    of_kind = [spec for spec in rules if spec.on is on]
    own = next((spec for spec in of_kind if metric is not None and spec.metric == metric), None)
    general = next((spec for spec in of_kind if spec.metric is None), DEFAULTS[on])
    return own or general


def reopens_within(spec: AlertSpec, width: timedelta) -> timedelta:
    """How long after it was resolved a cause is still the same alert: three windows where it is seen in windows."""
    if spec.cooldown is not None:
        return spec.cooldown
    return 3 * width if spec.on in OF_WINDOWS else _HOUR
