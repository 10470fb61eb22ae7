"""The workspace's files: settings, manifests, the state folder, the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from quarterdeck.console.doctor.finding import Finding, fail, ok, warn
from quarterdeck.console.formats import size
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.settings import Settings
from quarterdeck.store.workspace import Workspace, load_manifest, pipelines

LITTLE, TOO_LITTLE = 2_000_000_000, 200_000_000  # bytes free


def settings(workspace: Workspace, found: Settings) -> Finding:
    return ok("settings", f"{workspace.settings_file}: environment {found.environment}, {found.host}:{found.port}")


def manifests(workspace: Workspace) -> Iterator[Finding]:
    """One finding for each pipeline; the user's code is not loaded: `pipeline check` does that."""
    names = [name for name, _ in pipelines(workspace)]
    for name in names:
        try:
            manifest = load_manifest(workspace, name)
        except QuarterdeckError as error:
            yield fail("manifest", str(error), f"correct pipelines/{name}/pipeline.toml")
        else:
            counts = f"{len(manifest.steps)} steps, {len(manifest.gates)} gates, {len(manifest.triggers)} triggers"
            yield ok("manifest", f"{name}: {counts}")
    if not names:
        yield warn("manifest", "the workspace has no pipeline", "put one into pipelines/NAME/pipeline.toml")


def state_folder(workspace: Workspace) -> Finding:
    if not workspace.state.exists():
        return ok("state", "not there yet: it is made at the first use")
    mode = workspace.state.stat().st_mode & 0o777
    if mode & 0o077:
        return warn("state", f"{workspace.state} has mode {mode:o}", f"chmod 700 {workspace.state}")
    return ok("state", str(workspace.state))


def disk(workspace: Workspace) -> Finding:
    free = shutil.disk_usage(workspace.root).free
    seen = f"{size(free)} free"
    if free < TOO_LITTLE:
        return fail("disk", seen, "free some space: training and the prediction log will fail")
    if free < LITTLE:
        return warn("disk", seen, "free some space soon")
    return ok("disk", seen)
