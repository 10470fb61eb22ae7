"""The metrics that a manifest names: scikit-learn's, or functions of the user's own in steps.py."""

from __future__ import annotations

from quarterdeck.core.errors import ManifestError, RefusedError
from quarterdeck.core.gate_kinds import SERVED
from quarterdeck.core.manifest import GateSpec, Manifest
from quarterdeck.core.metrics.families import every_name, names
from quarterdeck.core.metrics.kpi import Kpi
from quarterdeck.core.pipeline.loading import load_user_function
from quarterdeck.core.toml_table import expected_names
from quarterdeck.core.values import TriggerKind


def load_kpis(manifest: Manifest) -> dict[str, Kpi]:
    """The user's functions that the gates name, by name.

    ManifestError for a gate's metric that the task does not have and steps.py does not define, for a function
    that takes other than (y_true, y_pred) or (y_true, y_pred, rows), and for a decay trigger's metric that live
    windows are not measured by.
    """
    _check_decay(manifest)
    known = (*every_name(manifest.task), *SERVED)
    found: dict[str, Kpi] = {}
    for gate in manifest.gates:
        if gate.metric not in known and gate.metric not in found:
            found[gate.metric] = _load(manifest, gate, known)
    return found


def _load(manifest: Manifest, gate: GateSpec, known: tuple[str, ...]) -> Kpi:
    try:
        function = load_user_function(manifest, gate.metric, where=gate.where)
    except ManifestError as error:
        message = f"{manifest.task} has no metric {gate.metric!r}; {expected_names(gate.metric, known)}"
        raise ManifestError(f"{message}. As a KPI of yours: {error.message}", where=gate.where) from error
    try:
        return Kpi.of(function, name=gate.metric)
    except RefusedError as error:
        raise ManifestError(error.message, where=gate.where, hint=error.hint) from error


def _check_decay(manifest: Manifest) -> None:
    known = names(manifest.task)
    for trigger in manifest.triggers:
        if trigger.kind is TriggerKind.DECAY and trigger.metric not in known:
            wrong = str(trigger.metric)
            message = f"{manifest.task} has no metric {wrong!r} in live windows; {expected_names(wrong, known)}"
            raise ManifestError(message, where=trigger.where)
