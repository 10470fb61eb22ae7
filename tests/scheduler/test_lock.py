"""The lock file says who has it, and how that one is; the ground says whether what was opened is still there."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from quarterdeck.core.errors import ConflictError
from quarterdeck.scheduler.ground import Footing, Ground
from quarterdeck.scheduler.lock import ROOM, read_lock, single_instance
from quarterdeck.scheduler.state import State


def said(path: Path) -> dict[str, object]:
    found = read_lock(path)
    assert found is not None and found.pop("process_started")
    return found


def test_one_holds_it_and_another_is_told_who(tmp_path: Path) -> None:
    path = tmp_path / "run" / "daemon.lock"
    assert read_lock(path) is None
    with single_instance(path) as lock:
        lock.say({"says": "works"})
        assert said(path) == {"pid": os.getpid(), "says": "works"}
        with pytest.raises(ConflictError, match=f"process {os.getpid()}"), single_instance(path):
            pass
    assert read_lock(path) is None


def test_it_is_written_in_place_into_room_that_was_taken_before(tmp_path: Path) -> None:
    path = tmp_path / "daemon.lock"
    with single_instance(path) as lock:
        before = path.stat()
        lock.say({"says": "x" * 100, "detail": {"much": "y" * 2 * ROOM}})
        lock.say({"says": "short"})
        after = path.stat()
        assert (after.st_size, after.st_ino) == (ROOM, before.st_ino) == (before.st_size, before.st_ino)
        assert said(path) == {"pid": os.getpid(), "says": "short"}


def test_what_does_not_fit_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "daemon.lock"
    with single_instance(path) as lock:
        lock.say({"says": "works", "detail": {"much": "y" * 2 * ROOM}})
        assert said(path) == {"pid": os.getpid(), "says": "works"}


def test_the_ground_is_firm_until_something_is_gone_or_another(state: State, tmp_path: Path) -> None:
    with single_instance(state.workspace.run / "daemon.lock") as lock:
        ground = Ground(state.workspace, state.database, lock)
        assert (ground.look(), ground.problem) == (Footing.FIRM, None)
        root, away = state.workspace.root, tmp_path / "away"
        root.rename(away)
        assert ground.look() is Footing.GONE
        assert ground.problem is not None and "the workspace is gone" in ground.problem
        away.rename(root)
        assert ground.look() is Footing.FIRM
        file = state.workspace.database
        file.rename(tmp_path / "kept.db")
        assert ground.look() is Footing.GONE
        assert ground.problem is not None and f"there is no {file}" in ground.problem
        sqlite3.connect(file).close()
        assert ground.look() is Footing.REPLACED
        file.unlink()
        (tmp_path / "kept.db").rename(file)
        assert ground.look() is Footing.FIRM
        lock.path.unlink()
        assert ground.look() is Footing.REPLACED
