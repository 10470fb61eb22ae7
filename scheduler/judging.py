"""What the counts and labels of a window say: drift, data quality, and the metrics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.drift.choose import fits
from quarterdeck.core.drift.dataset import DatasetDrift, MultivariateResult, dataset_verdict
from quarterdeck.core.drift.judge import judge_columns, judge_features
from quarterdeck.core.drift.verdict import DriftResult
from quarterdeck.core.drift_spec import DriftMethod, DriftSpec
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.metrics.families import compute_all
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.operations import Window
from quarterdeck.core.profile import BinCounts, Counts, FeatureProfile, Profile, class_names, count_column
from quarterdeck.core.quality.judge import judge_quality
from quarterdeck.core.quality.volume import usual_rows
from quarterdeck.core.values import Task, TriggerKind
from quarterdeck.store import windows

USUAL_FROM = timedelta(days=60)  # windows before one that say what is usual


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What a window shows without a look at its metrics, as it is kept."""

    drift: list[dict[str, Any]] = field(default_factory=list)
    quality: list[dict[str, Any]] = field(default_factory=list)
    dataset_drift: dict[str, Any] = field(default_factory=dict)

    @property
    def drifted(self) -> int | None:
        """How many features drifted; None where none was judged."""
        return sum(item["drifted"] for item in self.drift) if self.drift else None


def judge_window(
    profile: Profile,
    counts: Counts,
    manifest: Manifest,
    *,
    labels: Sequence[Any] = (),
    rows: int | None = None,
    usual: float | None = None,
    before: Window | None = None,
) -> Judged:
    """Everything from counts; `labels`: the truth so far; `usual`: rows at such a time; `before`: the last look."""
    spec = drift_spec(manifest)
    results = judge_features(profile, counts, spec)
    found = judge_dataset(profile, counts, spec, results, labels, least=manifest.monitoring.minimum_rows)
    if before is not None and before.dataset_drift:  # what was computed from the rows, in its own time
        kept = before.dataset_drift["multivariate"]
        found = replace(found, multivariate=tuple(MultivariateResult.from_json(item) for item in kept))
    quality = judge_quality(profile, counts, manifest.monitoring.quality, rows=rows, usual=usual)
    return Judged(
        drift=[result.to_json() for result in results],
        quality=[result.to_json() for result in quality],
        dataset_drift=found.to_json(),
    )


def drift_spec(manifest: Manifest) -> DriftSpec:
    """The pipeline's own; the PSI is held against the lowest threshold that a drift trigger names."""
    spec = manifest.monitoring.drift
    named = [trigger.threshold for trigger in manifest.triggers if trigger.kind is TriggerKind.DRIFT]
    if spec.method is DriftMethod.PSI and spec.threshold is None and named:
        return replace(spec, threshold=min(named))
    return spec


def judge_dataset(
    profile: Profile,
    counts: Counts,
    spec: DriftSpec,
    results: Sequence[DriftResult],
    labels: Sequence[Any],
    *,
    least: int,
) -> DatasetDrift:
    """The share of features that drifted; the model's score and class; the truth of at least `least` labels."""
    share, drifted, names = dataset_verdict(results, spec.share)
    return DatasetDrift(
        share=share,
        threshold=spec.share,
        drifted=drifted,
        features=names,
        prediction=_single(profile.score, counts.score, spec),
        answer=_single(profile.answer, counts.answer, spec),
        target=_single(profile.target, _target(profile.target, labels, least), spec),
        notes=tuple(_notes(profile, spec)),
    )


def _single(feature: FeatureProfile | None, window: BinCounts | None, spec: DriftSpec) -> DriftResult | None:
    if feature is None or window is None or window.rows == 0:
        return None
    return judge_columns([(feature, window)], spec)[0]


def _target(feature: FeatureProfile | None, labels: Sequence[Any], least: int) -> BinCounts | None:
    if feature is None or len(labels) < least:
        return None
    try:
        return count_column(feature, labels if feature.is_number else class_names(labels))
    except RefusedError:  # labels that are no numbers: the metrics say so
        return None


def _notes(profile: Profile, spec: DriftSpec) -> list[str]:
    """What the manifest asks for and cannot be had: features are known only when a model has been trained."""
    known = {feature.name: feature for feature in profile.features}
    strange = [name for name in (*spec.ignore, *spec.features) if name not in known]
    notes = [f"[monitoring.drift] names {name!r}, which the model does not take" for name in strange]
    for name, own in spec.features.items():
        if name in known and own.method not in (None, DriftMethod.AUTO) and not fits(known[name], own.method):
            notes.append(f"{own.method} does not fit {name!r}; the default is used")
    return notes


def usual_volume(tx: Connection, model: str, start: datetime) -> float | None:
    """The rows that are usual in a window that begins then; None while that cannot be told."""
    return usual_rows(start, windows.volumes(tx, model, since=start - USUAL_FROM, until=start))


def judge_labels(signature: Signature, rows: Sequence[Any]) -> dict[str, float]:
    """Every metric of the task on labelled rows (label, score, probabilities); nothing where they cannot be judged."""
    if not rows:
        return {}
    y_true = [json.loads(row.label) for row in rows]
    score: list[Any] = [row.score for row in rows]
    if signature.task is Task.MULTICLASS:
        score = [json.loads(row.probabilities) for row in rows]
    try:
        return compute_all(signature.task, y_true, score, classes=signature.classes)
    except RefusedError:  # a label that the model does not know: the window has no metrics, and drift shows it
        return {}
