"""The secret of a workspace's own commands: one, whole, and for its owner's eyes only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quarterdeck.store.local_secret import NAME, local_secret, read_local_secret
from quarterdeck.store.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(root=tmp_path)
    workspace.prepare_state()
    return workspace


def test_it_is_made_once_and_stays(workspace: Workspace) -> None:
    assert read_local_secret(workspace) is None
    secret = local_secret(workspace)
    assert len(secret) >= 43
    assert local_secret(workspace) == read_local_secret(workspace) == secret
    assert (workspace.state / NAME).stat().st_mode & 0o777 == 0o600
    (workspace.state / NAME).unlink()
    assert local_secret(workspace) != secret


def test_many_who_ask_at_once_get_the_same(workspace: Workspace) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: local_secret(workspace), range(64)))) == 1
    assert [path.name for path in workspace.state.iterdir() if path.name.startswith(NAME)] == [NAME]


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_one_that_others_could_read_is_not_used_and_made_anew(workspace: Workspace, mode: int) -> None:
    secret = local_secret(workspace)
    (workspace.state / NAME).chmod(mode)
    assert read_local_secret(workspace) is None
    assert local_secret(workspace) != secret


def test_half_a_file_is_made_anew(workspace: Workspace) -> None:
    (workspace.state / NAME).touch(mode=0o600)
    (workspace.state / NAME).write_text("half")
    assert read_local_secret(workspace) is None
    assert len(local_secret(workspace)) >= 43
