"""The artifacts of versions, hashed again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.context import Console
from quarterdeck.console.formats import counted
from quarterdeck.core.errors import IntegrityError, QuarterdeckError
from quarterdeck.core.registry import Version
from quarterdeck.store.artifacts import ArtifactStore


def verify_versions(console: Console, versions: Sequence[Version], *, as_json: bool) -> None:
    """Say for each artifact of each version whether its bytes are those registered; IntegrityError if not."""
    store = artifact_store(console)
    found = [row for version in versions for row in check_version(store, version)]
    if as_json:
        print_json(found)
    else:
        rows = [
            (
                row["version"],
                row["artifact"],
                row["sha256"][:16],
                "OK" if row["ok"] else "FAIL",
                row["problem"],
            )
            for row in found
        ]
        print_table(("version", "artifact", "sha256", "check", "problem"), rows, empty="No versions to verify.")
    bad = [row for row in found if not row["ok"]]
    if bad:
        names = ", ".join(sorted({row["version"] for row in bad}))
        hint = "they are refused where they are served; promote another version, or train again"
        raise IntegrityError(
            f"{counted(len(bad), 'artifact is', 'artifacts are')} not what was registered", where=names, hint=hint
        )


def artifact_store(console: Console) -> ArtifactStore:
    return ArtifactStore(console.settings.artifacts_url or console.workspace.artifacts)


def check_version(store: ArtifactStore, version: Version) -> Iterator[dict[str, Any]]:
    """One row for each artifact: the model, its converted form, its reference profile."""
    for name in ("artifact", "onnx", "profile"):
        sha256 = getattr(version, name)
        if sha256 is None:
            continue
        row = {"version": version.reference, "artifact": name, "sha256": sha256, "ok": True, "problem": None}
        try:
            store.get(sha256)
        except QuarterdeckError as error:
            row |= {"ok": False, "problem": error.message}
        yield row
