"""Keeps the store's pipelines and triggers what the workspace's manifests say, while people edit them."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from quarterdeck.core.errors import ManifestError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import Manifest, manifest_digest, manifest_json
from quarterdeck.core.manifest_reader import read_manifest
from quarterdeck.store import alerts, gate_sets, pipelines, triggers
from quarterdeck.store.engine import Database
from quarterdeck.store.workspace import Workspace
from quarterdeck.store.workspace import pipelines as pipeline_files

log = logging.getLogger(__name__)

ACTOR = "quarterdeck"  # nobody is known to have changed a file


class Manifests:
    """The manifests as last read. One that cannot be read keeps its last good reading, and raises an alert."""

    def __init__(self, workspace: Workspace, database: Database) -> None:
        self._workspace = workspace
        self._database = database
        self._seen: dict[Path, int] = {}
        self.by_name: dict[str, Manifest] = {}
        self.problems: dict[str, str] = {}  # by file

    def refresh(self, now: datetime) -> bool:
        """Read what has changed on disk since the last look; True if anything had."""
        changed = False
        for name, path in pipeline_files(self._workspace):
            stamp = path.stat().st_mtime_ns if path.exists() else 0
            if self._seen.get(path) == stamp:
                continue
            self._seen[path] = stamp
            changed = True
            self._read(name, path, now)
        return changed

    def _read(self, name: str, path: Path, now: datetime) -> None:
        subject = str(path.relative_to(self._workspace.root))
        try:
            manifest = read_manifest(path)
        except ManifestError as error:
            log.error("%s", error)
            self.problems[subject] = str(error)
            with self._database.write() as tx:
                alerts.raise_alert(
                    tx, model=name, kind="manifest", subject=subject, message=str(error), evidence={}, now=now
                )
            return
        self.by_name[manifest.name] = manifest
        self.problems.pop(subject, None)
        with self._database.write() as tx:
            sync(tx, manifest, now)
            alerts.resolve(tx, model=name, kind="manifest", subject=subject, now=now)


def sync(tx: Any, manifest: Manifest, now: datetime) -> None:
    """Write a manifest's pipeline, triggers and gates."""
    pipeline = pipelines.Pipeline(
        name=manifest.name,
        task=manifest.task,
        description=manifest.description,
        owner=manifest.owner or "",
        digest=manifest_digest(manifest),
        synced_at=now,
        window=manifest.monitoring.window,
    )
    pipelines.put(tx, pipeline)
    specs = {item["name"]: item for item in manifest_json(manifest)["triggers"]}
    triggers.sync(tx, manifest.name, [(spec.name, spec.kind, specs[spec.name]) for spec in manifest.triggers])
    gate_sets.sync(tx, manifest, Audit(actor=ACTOR, environment=None, at=now, reason="as pipeline.toml says"))
