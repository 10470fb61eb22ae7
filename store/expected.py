"""A version's expected inputs as they are kept."""

from __future__ import annotations

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.expected import Expected
from quarterdeck.core.registry import Version
from quarterdeck.store.artifacts import ArtifactStore


def load_expected(artifacts: ArtifactStore, version: Version) -> Expected:
    """NotFoundError for a version that has none; IntegrityError where they are not what was kept."""
    if version.expected is None:
        raise NotFoundError(
            "it has no expected inputs: it was registered before they were kept, or its model answered none of them",
            where=version.reference,
            hint=f"`quarterdeck service expect {version.reference}` makes them now",
        )
    return Expected.from_bytes(artifacts.get(version.expected))
