"""The metrics that a manifest names: scikit-learn's, or functions of the user's own in steps.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quarterdeck.core.errors import ManifestError
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.metrics.families import names
from quarterdeck.core.pipeline.loading import load_user_function
from quarterdeck.core.toml_table import expected_names
from quarterdeck.core.values import TriggerKind

Kpi = Callable[[Any, Any], float]  # (y_true, y_pred), each (n,): a finite number


def load_kpis(manifest: Manifest) -> dict[str, Kpi]:
    """The user's functions that the gates name, by name.

    ManifestError for a gate's metric that the task does not have and steps.py does not define, and for a decay
    trigger's that is not one of the task's: live windows are measured by those only.
    """
    known = names(manifest.task)
    for trigger in manifest.triggers:
        if trigger.kind is TriggerKind.DECAY and trigger.metric not in known:
            wrong = str(trigger.metric)
            message = f"{manifest.task} has no metric {wrong!r}; {expected_names(wrong, known)}"
            raise ManifestError(message, where=trigger.where)
    found = {}
    for gate in manifest.gates:
        if gate.metric in known:
            continue
        try:
            found[gate.metric] = load_user_function(manifest, gate.metric, where=gate.where)
        except ManifestError as error:
            message = f"{manifest.task} has no metric {gate.metric!r}; {expected_names(gate.metric, known)}"
            raise ManifestError(f"{message}. As a KPI of yours: {error.message}", where=gate.where) from error
    return found
