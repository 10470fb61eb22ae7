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

from quarterdeck.core.values import Task, TriggerKind


class Strategy(StrEnum):
    """How a version that passed its gates reaches the traffic."""

    DIRECT = "direct"  # it takes the champion's place at once
    SHADOW = "shadow"  # it answers beside the champion, unseen, until enough labels tell the two apart


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
    """One `[[gates]]` table: exactly one of `minimum`, `maximum` and `not_worse_than` is set."""

    metric: str
    minimum: float | None = None
    maximum: float | None = None
    not_worse_than: str | None = None  # an alias: "champion"
    margin: float = 0.0  # how much worse is still no worse, in the metric's unit
    confidence: float = 0.95  # of the one-sided bound on the paired difference
    owner: str | None = None
    where: str | None = field(default=None, compare=False)


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
    cooldown: timedelta = timedelta(0)  # after it fired, it stays silent for so long
    limit_per_day: int | None = None
    where: str | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class MonitoringSpec:
    """The `[monitoring]` table."""

    window: timedelta = timedelta(hours=1)
    minimum_rows: int = 50  # a window with fewer predictions is not judged


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutSpec:
    """The `[rollout]` table."""

    strategy: Strategy = Strategy.DIRECT
    promote: Promotion = Promotion.MANUAL
    minimum_labels: int = 200  # paired labelled rows before champion and challenger are compared
    maximum_labels: int = 2000  # a comparison still open after so many ends, and the champion stays
    alpha: float = 0.05  # how often a comparison may err


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
    triggers: tuple[TriggerSpec, ...] = ()
    monitoring: MonitoringSpec = MonitoringSpec()
    rollout: RolloutSpec = RolloutSpec()
    training: TrainingSpec = TrainingSpec()


def manifest_json(manifest: Manifest) -> dict[str, Any]:
    """All that the manifest means as JSON values, durations in seconds; not where its file is."""
    return {item.name: _plain(getattr(manifest, item.name)) for item in fields(manifest) if item.compare}


def manifest_digest(manifest: Manifest) -> str:
    """SHA-256 (hex) over canonical JSON: equal for equal meaning, whatever the file's layout or place."""
    text = json.dumps(manifest_json(manifest), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value) if item.compare}
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
