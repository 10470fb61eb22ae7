"""Where a run keeps what its steps made: artifacts by their hash, and the cache of what was made before."""

from __future__ import annotations

from typing import Any

from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import IntegrityError
from quarterdeck.store import steps
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.codecs import decode, put_value
from quarterdeck.store.engine import Database


class Results:
    """Saves and loads the results of steps."""

    def __init__(self, database: Database, artifacts: ArtifactStore) -> None:
        self._database = database
        self._artifacts = artifacts

    def save(self, step: str, value: Any) -> str:
        """Keep a result, all of it or nothing; gives its SHA-256. StepError where it cannot be kept."""
        encoded = put_value(self._artifacts, value, step=step)
        with self._database.write() as tx:
            for part in encoded.parts():
                steps.record_artifact(tx, part.sha256, kind=part.kind, size=len(part.data), now=utc_now())
        return encoded.sha256

    def load(self, sha256: str) -> Any:
        """The result as it was; IntegrityError where its bytes are not."""
        return decode(self._artifacts.get(sha256), self._artifacts.get)

    def find_cached(self, key: str) -> str | None:
        """What a step with this key made before, if its bytes are still whole."""
        with self._database.read() as tx:
            sha256 = steps.cached(tx, key)
        if sha256 is None:
            return None
        try:
            self.load(sha256)  # all of it: a part may be damaged as well
        except IntegrityError:
            return None  # made again, and kept again under the same name
        return sha256

    def remember(self, key: str, sha256: str) -> None:
        """The next step with this key can take this result."""
        with self._database.write() as tx:
            steps.remember(tx, key, sha256, now=utc_now())
