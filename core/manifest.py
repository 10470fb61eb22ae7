"""What pipeline.toml says, as values. manifest_reader.py reads and checks the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from quarterdeck.core.alerting_spec import AlertSpec
from quarterdeck.core.drift_spec import DriftSpec, QualitySpec
from quarterdeck.core.review_spec import ReviewSpec
from quarterdeck.core.service_spec import ServiceSpec
from quarterdeck.core.values import Misfire, Span, Task, TriggerKind


class Strategy(StrEnum):
    """How a version that passed its gates reaches the traffic."""

    DIRECT = "direct"  # it takes the champion's place at once
    CANARY = "canary"  # it answers a growing share of the clients, as long as its analysis passes
    SHADOW = "shadow"  # it answers beside the champion, unseen, until enough labels tell the two apart
    AB = "ab"  # it answers a fixed share of the clients until enough labels tell the two apart


class Promotion(StrEnum):
    """Who moves the alias `champion` when the rollout's verdict allows it."""

    MANUAL = "manual"
    AUTO = "auto"


@dataclass(frozen=True, kw_only=True, slots=True)
class StepSpec:
    """One `[steps.<name>]` table."""

    name: str
    uses: str  # a component's name, or "module:function" beside pipeline.toml
    settings: Mapping[str, Any] = field(default_factory=dict)  # `with`: JSON values
    inputs: Mapping[str, str] = field(default_factory=dict)  # parameter -> the step that fills it
    retries: int = 0
    timeout: timedelta | None = None
    where: str | None = field(default=None, compare=False)  # file:line, for errors


@dataclass(frozen=True, kw_only=True, slots=True)
class GateSpec:
    """One `[[gates]]` table: exactly one of `minimum`, `maximum` and `not_worse_than` is set, or none for a target."""

    metric: str
    minimum: float | None = None
    maximum: float | None = None
    not_worse_than: str | None = None  # an alias: "champion"
    margin: float = 0.0  # how much worse is still no worse, in the metric's unit
    confidence: float = 0.95  # of the one-sided bound on the paired difference, or over all slices
    slice: str | None = None  # a column: it must hold in every slice of it
    rows: int = 100  # a slice with fewer is not judged
    memory_mb: float | None = None  # target: the most that it may take, in units of 1,000,000 bytes
    seconds: float | None = None  # target: the longest until it has loaded and answered
    interpreter: str | None = None  # target: its Python; None: the one that trains
    owner: str | None = None
    where: str | None = field(default=None, compare=False)

    @property
    def kind(self) -> str | None:
        """ "min", "max" or "not_worse_than"; None for a target."""
        if self.not_worse_than is not None:
            return "not_worse_than"
        if self.minimum is not None:
            return "min"
        return None if self.maximum is None else "max"

    @property
    def key(self) -> str:
        """What people call it: "roc_auc_score min", "missed_delay_cost max[carrier]", "target_compatible"."""
        name = self.metric if self.kind is None else f"{self.metric} {self.kind}"
        return name if self.slice is None else f"{name}[{self.slice}]"


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerSpec:
    """One `[[triggers]]` table. Which fields are set depends on `kind`; the others keep their defaults."""

    name: str
    kind: TriggerKind
    cron: str | None = None  # schedule: five fields, in `timezone`
    every: timedelta | None = None  # schedule, instead of `cron`
    timezone: str = "UTC"
    features: int = 1  # drift: how many features must drift in one window
    threshold: float = 0.25  # drift: the population stability index from which a feature has drifted
    metric: str | None = None  # decay: watched on labelled predictions
    worse_by: float | None = None  # decay: as a fraction of the metric's value at training, 0.2 = 20 %
    windows: int = 1  # drift, decay: how many windows in a row
    on_estimate: bool = False  # decay: by the estimate, where there are no labels
    backoff: bool = True  # drift, decay: each training that came to nothing doubles the wait before the next
    misfire: Misfire = Misfire.ONCE  # schedule: what becomes of times that were missed
    misfire_limit: int = 24  # schedule: how many missed times `all` makes good
    source: str | None = None  # new_data: a file, folder or glob, or the URL of one
    files: int = 1  # new_data: how many new or changed files
    rows: int | None = None  # new_data: how many new rows, instead
    fresher_by: timedelta | None = None  # new_data: how much newer than what was there, besides
    content: bool = False  # new_data: files are told apart by their bytes, not by their times
    labels: int | None = None  # feedback: how many since the last training
    branch: str = "HEAD"  # code: whose commits are followed
    secret: str | None = None  # webhook: "env:NAME" or "file:PATH"
    per_minute: int = 10  # webhook: how many calls are answered
    look_every: timedelta = timedelta(seconds=10)  # new_data, feedback, code: between two looks
    cooldown: timedelta = timedelta(0)  # after it fired, it stays silent for so long
    limit_per_day: int | None = None
    budget: timedelta | None = None  # how long the runs that it started may take, in all, for each `budget_per`
    budget_per: Span = Span.DAY
    where: str | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class MonitoringSpec:
    """The `[monitoring]` table."""

    window: timedelta = timedelta(hours=1)
    minimum_rows: int = 50  # a window with fewer predictions is not judged
    drift: DriftSpec = field(default_factory=DriftSpec)
    quality: QualitySpec = field(default_factory=QualitySpec)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckSpec:
    """One `[[rollout.checks]]` table: what an analysis measures, and the bounds of success and of failure.

    Within `minimum` and `maximum` it succeeds; beyond `fail_below` or `fail_above` it fails; between the two it is
    inconclusive. With bounds of one kind only there is nothing between.
    """

    measure: str  # error_rate, p99_ms, p99_ratio (challenger / champion), or the name of a metric or a KPI
    minimum: float | None = None
    maximum: float | None = None
    fail_below: float | None = None
    fail_above: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisSpec:
    """The `[rollout.analysis]` table: how a step is looked at before the next one."""

    interval: timedelta = timedelta(minutes=1)  # between two looks
    delay: timedelta = timedelta(0)  # after a step began, before its first window
    count: int = 3  # looks that must pass
    failure_limit: int = 0  # looks that may fail; one more rolls back
    inconclusive_limit: int = 2  # looks that may be inconclusive; one more pauses
    consecutive_errors: int = 4  # looks in a row that could not measure; one more pauses
    minimum_requests: int = 100  # rows of a window; a look at fewer waits for more


ERROR_RATE, P99_MS, P99_RATIO = "error_rate", "p99_ms", "p99_ratio"
OPERATIONAL = (ERROR_RATE, P99_MS, P99_RATIO)  # what a check can measure without a label

DEFAULT_CHECKS = (
    CheckSpec(measure=ERROR_RATE, maximum=0.01, fail_above=0.05),
    CheckSpec(measure=P99_RATIO, maximum=2.0, fail_above=5.0),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutSpec:
    """The `[rollout]` table."""

    strategy: Strategy = Strategy.DIRECT
    promote: Promotion = Promotion.MANUAL
    steps: tuple[float, ...] = (5.0, 25.0, 50.0, 100.0)  # canary: percent of the clients; 100 is the promotion
    shadow_first: bool = False  # canary: in shadow until the comparison says PROMOTE, before the first share
    weight: float = 50.0  # ab: percent of the clients
    approvals: int = 0  # people who must have approved the version before it is promoted
    minimum_labels: int = 200  # labelled rows before champion and challenger are compared; 0: canary without labels
    maximum_labels: int = 2000  # a comparison still open after so many ends, and the champion stays
    alpha: float = 0.05  # how often a comparison may err
    analysis: AnalysisSpec = AnalysisSpec()
    checks: tuple[CheckSpec, ...] = DEFAULT_CHECKS
    bake: timedelta | None = None  # after the promotion the same checks go on for so long, and roll back
    service: ServiceSpec | None = None  # what the version is asked on the server before clients get it


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationSpec:
    """The `[evaluation]` table."""

    slices: tuple[str, ...] = ()  # the columns whose slices are measured one by one
    minimum_rows: int = 100  # a slice with fewer is not measured


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSpec:
    """The `[training]` table."""

    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """A pipeline: what it predicts, its steps, and what is done with the models it makes."""

    name: str
    task: Task
    target: str
    steps: tuple[StepSpec, ...]
    folder: Path = field(compare=False)
    description: str = ""
    owner: str | None = None
    entity: str | None = None
    time: str | None = None
    gates: tuple[GateSpec, ...] = ()
    evaluation: EvaluationSpec = EvaluationSpec()
    triggers: tuple[TriggerSpec, ...] = ()
    alerts: tuple[AlertSpec, ...] = ()
    monitoring: MonitoringSpec = field(default_factory=MonitoringSpec)
    rollout: RolloutSpec = RolloutSpec()
    training: TrainingSpec = TrainingSpec()
    review: ReviewSpec | None = None  # None: no prediction waits for a person


def manifest_json(manifest: Manifest) -> dict[str, Any]:
    """All that the manifest means as JSON values, durations in seconds; not where its file is."""
    return {item.name: plain_json(getattr(manifest, item.name)) for item in fields(manifest) if item.compare}


def manifest_digest(manifest: Manifest) -> str:
    """SHA-256 (hex) over canonical JSON: equal for equal meaning, whatever the file's layout or place."""
    text = json.dumps(manifest_json(manifest), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def plain_json(value: Any) -> Any:
    """Values, mappings and lists of them as JSON values; durations in seconds."""
    if is_dataclass(value):
        return {item.name: plain_json(getattr(value, item.name)) for item in fields(value) if item.compare}
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {key: plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    return value
