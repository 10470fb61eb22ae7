"""The pipelines that lie in the workspace, read from their files: also those that the store has not seen yet."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.manifest import manifest_digest
from quarterdeck.core.manifest_reader import read_manifest
from quarterdeck.store.pipelines import Pipeline
from quarterdeck.store.workspace import Workspace, pipelines


class PipelineFiles:
    """Reads a manifest again only when its file has changed. One that cannot be read is left out: `pipeline list`
    says why, and the daemon raises an alert.
    """

    def __init__(self) -> None:
        self._read: dict[Path, tuple[int, Pipeline | None]] = {}

    def look(self, workspace: Workspace, now: datetime) -> list[Pipeline]:
        found = {}
        for _, path in pipelines(workspace):
            try:
                stamp = path.stat().st_mtime_ns
            except OSError:
                continue  # it went while we looked
            known = self._read.get(path)
            found[path] = known if known is not None and known[0] == stamp else (stamp, _pipeline(path, now))
        self._read = found
        return [pipeline for _, pipeline in found.values() if pipeline is not None]


def _pipeline(path: Path, now: datetime) -> Pipeline | None:
    try:
        manifest = read_manifest(path)
    except QuarterdeckError:
        return None
    return Pipeline(
        name=manifest.name,
        task=manifest.task,
        description=manifest.description,
        owner=manifest.owner or "",
        digest=manifest_digest(manifest),
        synced_at=now,
    )
