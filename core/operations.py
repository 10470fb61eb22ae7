"""What the daemon, the monitor and the operators share, as values: triggers, firings, alerts, windows, services."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from quarterdeck.core.values import AlertState, ServiceKind, Severity, TriggerKind

_HERE = {None: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """A trigger of a pipeline and its state. `spec` is its table in the manifest."""

    id: int
    pipeline: str
    name: str
    kind: TriggerKind
    spec: dict[str, Any]
    paused: bool
    last_fired_at: datetime | None  # wall clock
    last_evidence_at: datetime | None  # the clock of the data: event time
    next_fire_at: datetime | None  # schedules only; a time that has passed is one that was missed


@dataclass(frozen=True, kw_only=True, slots=True)
class Firing:
    """One time that a trigger's condition held."""

    id: int
    trigger_id: int
    pipeline: str
    at: datetime
    evidence_at: datetime | None
    alert_id: int | None
    run_id: int | None
    fired: bool
    reason: str
    evidence: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """One cause, seen `count` times. It came back `flaps` times within a while after it had been resolved."""

    id: int
    model: str
    kind: str
    subject: str
    state: AlertState
    message: str
    opened_at: datetime
    last_at: datetime
    event_at: datetime | None
    count: int
    evidence: dict[str, Any]
    acknowledged_by: str | None
    severity: Severity = Severity.WARNING
    flaps: int = 0
    resolved_at: datetime | None = None
    silenced_until: datetime | None = None  # of a silence without an end: None, until it is resolved
    told: bool = False  # receivers were told that it is open, and not yet that it is resolved


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """What a person wants to hear nothing of: one alert, or a cause, which need not be there yet."""

    id: int
    model: str
    kind: str  # "*": every kind
    subject: str | None  # None: whatever it is about
    alert_id: int | None  # of one alert; None: a cause
    until: datetime | None  # None: until the alert is resolved
    reason: str
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    ended_by: str | None

    def holds(self, now: datetime) -> bool:
        return self.ended_at is None and (self.until is None or now < self.until)

    @property
    def target(self) -> str:
        """What it silences, as people write it."""
        if self.alert_id is not None:
            return f"alert {self.alert_id}"
        return "/".join(part for part in (self.model, self.kind, self.subject) if part is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """What the monitor found in [start, end) of event time, for the predictions of one version."""

    model: str
    version: int
    start: datetime
    end: datetime
    closed: bool
    rows: int
    labelled: int
    drifted: int | None  # features that drifted; None while the window has too few rows to judge
    drift: list[dict[str, Any]]
    metrics: dict[str, float]
    p50_ms: float | None
    p99_ms: float | None
    updated_at: datetime
    quality: list[dict[str, Any]] = field(default_factory=list)  # QualityResult as JSON, one for each check
    dataset_drift: dict[str, Any] = field(default_factory=dict)  # DatasetDrift as JSON; empty where nothing was judged
    performance: list[dict[str, Any]] = field(default_factory=list)  # core/performance/finding.py


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A process that says it is alive."""

    kind: ServiceKind
    name: str
    pid: int
    process_started: float
    host: str | None
    port: int | None
    started_at: datetime
    heartbeat_at: datetime
    stopped_at: datetime | None
    detail: dict[str, Any]
    scheme: str = "http"
    certificate: str | None = None  # the file that a server's HTTPS is known by

    @property
    def address(self) -> str | None:
        """Where it is asked from this machine; None for what listens nowhere."""
        if self.port is None:
            return None
        host = _HERE.get(self.host, self.host)
        return (
            f"{self.scheme}://[{host}]:{self.port}" if host and ":" in host else f"{self.scheme}://{host}:{self.port}"
        )

    def silent_for(self, now: datetime) -> timedelta:
        return now - self.heartbeat_at
