"""The answers to the screens' questions (questions.py), as rows. No database is needed to load this."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quarterdeck.core.gates import GateResult
from quarterdeck.core.rights import Right
from quarterdeck.core.values import (
    AlertState,
    Outcome,
    RunStatus,
    Severity,
    StepStatus,
    Task,
    TriggerKind,
    VersionState,
)


class Health(StrEnum):
    """A model's state in a word."""

    OK = "ok"
    WATCH = "watch"  # drift, an alert that is acknowledged, silenced or no more than worth knowing
    ALERT = "alert"  # an open alert
    FAILED = "failed"  # its last run failed
    IDLE = "idle"  # nothing is live


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """What clients asked of one endpoint: all requests, the present rate, and the latest latencies."""

    requests: int = 0
    rate: float | None = None  # per second
    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Aliases:
    """The versions that bear names in the environment."""

    champion: int | None = None
    challenger: int | None = None
    previous: int | None = None

    def of(self, number: int) -> str | None:
        names = ("champion", "challenger", "previous")
        return next((name for name in names if getattr(self, name) == number), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Monitored:
    """The last window of the champion, and the metric over the windows before it (oldest first)."""

    metric: str | None = None
    value: float | None = None
    trend: tuple[float | None, ...] = ()
    drifted: int | None = None
    watched: int = 0
    rows: int = 0
    labelled: int = 0
    start: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """One model on one line."""

    model: str
    health: Health
    why: str
    aliases: Aliases
    traffic: Traffic
    monitored: Monitored
    open_alerts: int
    work: str  # what runs for it now: "run 12 fit"; "" for nothing
    progress: float | None
    run_id: int | None  # the run at work, else the last one
    versions: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EventRow:
    """Something that happened, on the wall clock; `event_at` is the time in the data that it is about."""

    id: str
    at: datetime
    kind: str
    subject: str
    text: str
    tone: str
    event_at: datetime | None = None
    run_id: int | None = None  # that it started, or that failed
    alert: AlertRow | None = None  # the alert that the event is


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    models: tuple[ModelRow, ...]
    events: tuple[EventRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineRow:
    name: str
    task: Task
    owner: str
    description: str
    last_run: int | None
    last_status: RunStatus | None
    last_at: datetime | None
    unfinished: int
    triggers: int
    paused: int
    next_fire: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRow:
    id: int
    pipeline: str
    status: RunStatus
    progress: float
    message: str
    cause: str
    by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempt: int
    cancelling: bool
    error: str | None
    version: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRow:
    name: str
    uses: str
    inputs: tuple[str, ...]
    status: StepStatus
    progress: float
    message: str
    error: str | None
    attempt: int
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerRow:
    id: int
    pipeline: str
    name: str
    kind: TriggerKind
    condition: str
    paused: bool
    last_fired: datetime | None
    next_fire: datetime | None
    last_word: str  # what came of the last time its condition held


@dataclass(frozen=True, kw_only=True, slots=True)
class Pipelines:
    pipelines: tuple[PipelineRow, ...]
    pipeline: str | None  # the one that runs and triggers are of
    runs: tuple[RunRow, ...]
    triggers: tuple[TriggerRow, ...]
    run: RunRow | None  # the one that the steps are of
    steps: tuple[StepRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionRow:
    model: str
    number: int
    state: VersionState
    aliases: Aliases  # of its model
    metric: str | None
    value: float | None
    created: datetime
    passed: int
    gates: int
    outcome: Outcome
    engine: str
    rows: int
    size_bytes: int
    run_id: int | None
    by: str

    @property
    def reference(self) -> str:
        return f"{self.model}@{self.number}"


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricRow:
    """A metric of the version, and the champion's where another version is that, each on its own held-out rows.

    `interval` is at 95 %. `beside` is the value, on this version's held-out rows, of the version that was champion at
    its registration, and `difference` the interval of this version's value less that one.
    """

    name: str
    value: float | None
    champion: float | None
    interval: tuple[float, float] | None = None
    beside: float | None = None
    difference: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionDetail:
    row: VersionRow
    verdicts: tuple[GateResult, ...]
    metrics: tuple[MetricRow, ...]
    fields: tuple[tuple[str, str], ...]  # of the signature: name, kind and range in words
    target: str
    engine_reason: str
    max_difference: float | None
    artifact: str
    onnx: str | None
    trained_from: datetime | None
    trained_to: datetime | None
    cause: str
    provenance: tuple[tuple[str, str], ...]
    lineage: tuple[tuple[str, str, str, str], ...]  # step, direction, name, sha256
    history: tuple[EventRow, ...]
    kind: str = ""
    origin: tuple[tuple[str, str], ...] = ()  # of an imported version: name and value
    gate_set: int | None = None
    approvals: tuple[str, ...] = ()  # the people whose approval counts here
    rollout: str = ""  # the one under way, in words
    weight: float | None = None  # percent of the requests that it answers as challenger
    held_out: int | None = None  # rows that its metrics were measured on
    beside: int | None = None  # the version that was champion at its registration
    weak: tuple[str, ...] = ()  # slices on which it is worse than elsewhere, the worst first


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    versions: tuple[VersionRow, ...]
    detail: VersionDetail | None


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointRow:
    model: str
    aliases: Aliases
    traffic: Traffic
    monitored: Monitored
    open_alerts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowRow:
    version: int
    start: datetime
    end: datetime
    closed: bool
    rows: int
    labelled: int
    drifted: int | None
    watched: int
    value: float | None  # of the metric shown
    p99_ms: float | None
    estimate: float | None = None  # of the same metric, without labels
    low: float | None = None  # between these two a window of this size should lie
    high: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureRow:
    """A feature's drift in the last judged window, and before (oldest first)."""

    feature: str
    method: str
    value: float | None
    threshold: float | None
    drifted: bool
    trend: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRow:
    id: int
    model: str
    kind: str
    subject: str
    state: AlertState
    message: str
    count: int
    opened_at: datetime
    last_at: datetime
    event_at: datetime | None
    by: str | None
    severity: Severity = Severity.WARNING
    silenced_until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerFigures:
    """What the prediction server says of itself since it started."""

    state: str
    address: str
    requests: int
    errors: int
    failed: int
    dropped: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    endpoints: tuple[EndpointRow, ...]
    model: str | None  # the one that windows and features are of
    windows: tuple[WindowRow, ...]  # newest first
    features: tuple[FeatureRow, ...]
    alerts: tuple[AlertRow, ...]
    server: ServerFigures | None


NO_ROLE = "no role"


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """The header's facts about the processes and the person. Words and tones, coarse on purpose.

    `rights` is what the person may here; None: not looked at yet.
    """

    daemon: str
    daemon_tone: str
    server: str
    server_tone: str
    open_alerts: int
    role: str = ""
    rights: frozenset[Right] | None = None
    reviews: int = 0  # predictions that wait for a person
