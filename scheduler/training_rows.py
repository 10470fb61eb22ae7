"""Where the rows are that a version was trained on and judged by."""

from __future__ import annotations

import json

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.state import State
from quarterdeck.store import steps
from quarterdeck.store.artifacts import ArtifactStore

_SPLIT = (True, "in", "split")


def split_hashes(state: State, artifacts: ArtifactStore, run_id: int) -> dict[str, str]:
    """SHA-256 of the parts of the split that the run's evaluation read, by name; empty where it cannot be told."""
    with state.database.read() as tx:
        evaluating = {step.name for step in steps.of_run(tx, run_id) if step.uses == "evaluate"}
        lineage = steps.lineage_of(tx, run_id)
    split = next((sha for step, way, name, sha in lineage if (step in evaluating, way, name) == _SPLIT), None)
    if split is None:
        return {}
    try:
        items = json.loads(artifacts.get(split)).get("items")
    except (QuarterdeckError, ValueError):
        return {}
    return items if isinstance(items, dict) else {}
