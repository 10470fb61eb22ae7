"""`quarterdeck daemon install` and `logs`; what needs a running daemon is in test_processes.py and the scheduler's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from quarterdeck.core.systemd import MARK
from quarterdeck.store.workspace import Workspace, create_workspace

TEXT = "2026-03-01T12:00:00.000Z INFO quarterdeck.scheduler.daemon the daemon runs\n"
JSON = '{"time": "2026-03-01T12:00:01.000Z", "level": "ERROR", "logger": "a", "message": "no", "error": "one\\ntwo"}\n'


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return create_workspace(tmp_path / "work space", data=False)


def command(workspace: Workspace, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "quarterdeck.console.main", "--workspace", str(workspace.root), *words]
    environ = os.environ | {"XDG_CONFIG_HOME": str(workspace.root.parent / "config")}
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, env=environ)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_a_unit_is_printed_written_once_and_never_over_another_ones(workspace: Workspace) -> None:
    file = workspace.root.parent / "config" / "systemd" / "user" / "quarterdeck-work-space.service"
    printed = command(workspace, "daemon", "install", "--systemd", "--user", "--print").stdout
    assert printed.startswith(MARK) and f'"{workspace.root}"' in printed and not file.exists()
    said = command(workspace, "daemon", "install", "--systemd", "--user").stdout
    assert file.read_text() == printed
    assert f"systemctl --user enable --now {file.name}" in said
    again = json.loads(command(workspace, "daemon", "install", "--systemd", "--user", "--json").stdout)
    assert (again["written"], again["path"]) == (False, str(file))
    file.write_text("[Unit]\n")
    refused = command(workspace, "daemon", "install", "--systemd", "--user", code=4)
    assert "Quarterdeck did not write it" in refused.stderr
    assert [item.name for item in file.parent.iterdir()] == [file.name]
    command(workspace, "daemon", "install", code=2)


def test_logs_are_shown_as_text_or_as_json_whichever_they_are(workspace: Workspace) -> None:
    (workspace.logs / "daemon.log").write_text(TEXT + JSON + "raw\n")
    shown = command(workspace, "daemon", "logs", "--lines", "3").stdout
    assert shown == f"{TEXT}2026-03-01T12:00:01.000Z ERROR a no\none\ntwo\nraw\n"
    lines = [json.loads(line) for line in command(workspace, "daemon", "logs", "--json").stdout.splitlines()]
    assert [line["message"] for line in lines] == ["the daemon runs", "no", "raw"]
    assert (lines[0]["level"], lines[1]["error"]) == ("INFO", "one\ntwo")
    command(workspace, "daemon", "logs", "--server", "--worker", code=2)


def test_without_a_daemon_its_status_says_how_to_start_one(workspace: Workspace) -> None:
    assert command(workspace, "daemon", "status", code=7).stdout == "no daemon has run here: quarterdeck daemon start\n"
