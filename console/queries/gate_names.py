"""What a gate may be called where a role names gates: by its key, or by the metric that it looks at."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.manifest import GateSpec
from quarterdeck.core.manifest_reader import read_manifest
from quarterdeck.store import gate_sets, registry
from quarterdeck.store.workspace import Workspace, pipelines


def gate_names(tx: Connection, workspace: Workspace) -> set[str]:
    """Keys and metrics of every gate, as manifests, newest sets and newest versions say, and what was measured."""
    names: set[str] = set()
    for _, path in pipelines(workspace):
        try:
            names |= _names(read_manifest(path).gates)
        except QuarterdeckError:
            continue  # `pipeline check` says what is wrong with it
    for model in gate_sets.models(tx):
        names |= _names(gate_sets.get(tx, model).gates)
    for model in registry.models(tx):
        for version in registry.versions(tx, model=model, limit=1):
            asked = {name for result in version.verdicts for name in (result.key, result.metric) if name}
            names |= asked | set(version.metrics)
    return names


def _names(gates: Iterable[GateSpec]) -> set[str]:
    return {name for gate in gates for name in (gate.key, gate.metric)}
