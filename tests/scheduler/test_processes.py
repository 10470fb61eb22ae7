"""Processes of our own start without what was meant for the command alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quarterdeck.scheduler.processes import spawn


def test_a_commands_token_is_not_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tells.py").write_text("import json, os; print(json.dumps(dict(os.environ)))")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("QUARTERDECK_TOKEN", "secret")
    monkeypatch.setenv("QUARTERDECK_TOKEN_FILE", "/a/file")
    monkeypatch.setenv("QUARTERDECK_WORKSPACE", "/a/folder")
    log = tmp_path / "log"
    assert spawn("tells", log=log).wait(timeout=60) == 0
    found = json.loads(log.read_text())
    assert "QUARTERDECK_TOKEN" not in found and "QUARTERDECK_TOKEN_FILE" not in found
    assert found["QUARTERDECK_WORKSPACE"] == "/a/folder"
