"""Reference profiles as plain JSON: the console marks what is unusual by them, without the library that made them."""

from __future__ import annotations

import json
from typing import Any

from quarterdeck.console.context import Console
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.store.artifacts import ArtifactStore

KEPT = 20  # in memory


class Profiles:
    """Read once each: the bytes of a hash do not change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._found: dict[str, dict[str, Any] | None] = {}

    def get(self, sha256: str) -> dict[str, Any] | None:
        """None for one that cannot be read: then nothing is marked by it."""
        if sha256 not in self._found:
            self._found = dict(list(self._found.items())[-KEPT:]) | {sha256: self._read(sha256)}
        return self._found[sha256]

    def _read(self, sha256: str) -> dict[str, Any] | None:
        store = ArtifactStore(self._console.settings.artifacts_url or self._console.workspace.artifacts)
        try:
            found = json.loads(store.get(sha256))
        except (QuarterdeckError, ValueError):
            return None
        return found if isinstance(found, dict) and "features" in found else None
