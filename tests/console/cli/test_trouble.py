"""Commands where the output, the disk or the rows are in trouble: an exit code of their own, and what to do."""

from __future__ import annotations

import ctypes
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

_CAPBSET_DROP, _FILE_RIGHTS = 24, (0, 1, 2, 3)  # prctl: chown, dac_override, dac_read_search, fowner


def shell(root: Path, command: str) -> subprocess.CompletedProcess[str]:
    script = f"{sys.executable} -m quarterdeck.console.main {command}"
    return subprocess.run(
        ["bash", "-c", script], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("command", ["model list", "model list --json", "keys", "model versions flights"])
def test_an_output_that_is_full_is_unavailable(root: Path, command: str) -> None:
    said = shell(root, f"{command} >/dev/full")
    assert said.returncode == 7
    assert "error: cannot write to standard output: no space left on device" in said.stderr
    assert "Exception ignored" not in said.stderr


def test_a_closed_output_is_unavailable_and_nothing_is_done(root: Path, database: Any) -> None:
    said = shell(root, "model demote flights --reason wrong --yes >&-")
    assert said.returncode == 7
    assert "cannot write to standard output: it is closed" in said.stderr
    with database.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM ledger WHERE act = 'demote'").scalar_one() == 0


# Rows that cannot be read


def change(root: Path, statement: str) -> None:
    with closing(sqlite3.connect(root / ".quarterdeck" / "quarterdeck.db")) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(statement)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE version SET metrics = '{broken' WHERE number = 2", ["table version", "number 2", "column metrics"]),
        ("UPDATE version SET created = 'yesterday' WHERE number = 1", ["table version", "number 1", "column created"]),
        ("UPDATE version SET state = 'odd' WHERE number = 3", ["state", "number 3"]),
        ("UPDATE version SET signature = '{}' WHERE number = 3", ["signature", "number 3"]),
        ("DROP TABLE alias", ["alias"]),
    ],
)
def test_a_damaged_row_is_named_and_doctor_reports_it(
    quarterdeck: Any, root: Path, statement: str, named: list[str]
) -> None:
    change(root, statement)
    said = quarterdeck("model", "versions", "flights")
    assert said.code == 6, said.err
    assert all(word in said.err for word in named), said.err
    assert "restore a backup" in said.err and "SELECT" not in said.err
    doctor = quarterdeck("doctor", "--json")
    assert doctor.code == 1, doctor.err
    failed = " ".join(item["seen"] for item in doctor.json if item["health"] == "FAIL")
    assert all(word in failed for word in named), failed


# A workspace that can only be read


@pytest.fixture
def sealed(root: Path) -> Iterator[Path]:
    """Nothing in the workspace may be written by anybody."""
    paths = [root, *root.rglob("*")]
    for path in paths:
        path.chmod(0o500 if path.is_dir() else 0o400)
    yield root
    for path in paths:
        path.chmod(0o700 if path.is_dir() else 0o600)


def as_owner() -> None:
    """Modes count for root as for anybody."""
    if os.geteuid() == 0:
        library = ctypes.CDLL(None)
        for right in _FILE_RIGHTS:
            library.prctl(_CAPBSET_DROP, right, 0, 0, 0)


@pytest.fixture
def reading(sealed: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-B", "-m", "quarterdeck.console.main", *arguments],
            cwd=sealed, capture_output=True, text=True, timeout=60, check=False, preexec_fn=as_owner,
        )  # fmt: skip

    return run


@pytest.mark.skipif(sys.platform != "linux", reason="root gives up its rights by Linux's capabilities")
def test_a_workspace_that_cannot_be_written_can_be_read(reading: Any, sealed: Path) -> None:
    for command in ("model list", "model card flights@2", "audit verify", "--read-only model show flights"):
        said = reading(*command.split())
        assert said.returncode == 0, said.stderr
    assert sorted(path.name for path in (sealed / ".quarterdeck").glob("quarterdeck.db*")) == ["quarterdeck.db"]
    said = reading("model", "demote", "flights", "--reason", "r", "--yes")
    assert said.returncode == 7
    assert "can only be read" in said.stderr and "copy the workspace" in said.stderr
    doctor = reading("doctor")
    assert "can only be read" in doctor.stdout, doctor.stdout + doctor.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="root gives up its rights by Linux's capabilities")
def test_changes_that_are_not_folded_in_are_never_overlooked(reading: Any, sealed: Path) -> None:
    sealed.joinpath(".quarterdeck").chmod(0o700)
    log = sealed / ".quarterdeck" / "quarterdeck.db-wal"
    log.write_bytes(b"not empty")
    sealed.joinpath(".quarterdeck").chmod(0o500)
    said = reading("model", "list")
    assert said.returncode == 7 and "log beside it" in said.stderr
