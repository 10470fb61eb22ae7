"""What the counts and labels of a window say: drift of each feature, and the metrics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from quarterdeck.core.drift.psi import profile_drift
from quarterdeck.core.drift.verdict import DriftResult
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.metrics.families import compute_all
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.profile import Counts, Profile
from quarterdeck.core.values import Task, TriggerKind

DEFAULT_PSI = 0.25  # "act" in the credit-scoring convention


def judge_drift(profile: Profile, counts: Counts, manifest: Manifest) -> list[DriftResult]:
    """Each feature's distance, held against the lowest threshold that a drift trigger of the pipeline names."""
    thresholds = [spec.threshold for spec in manifest.triggers if spec.kind is TriggerKind.DRIFT]
    return profile_drift(profile, counts, threshold=min(thresholds, default=DEFAULT_PSI))


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
