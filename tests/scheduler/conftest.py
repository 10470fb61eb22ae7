"""A real workspace with both databases open, for tests of the daemon's parts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quarterdeck.scheduler.state import State, open_state
from quarterdeck.store.workspace import Workspace, create_workspace

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "workspace", data=False)


@pytest.fixture
def state(workspace: Workspace) -> Iterator[State]:
    with open_state(workspace) as state:
        yield state
