"""The command line with the real thing behind it: a run, the daemon, the server, an answer, the end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.console.cli.logfile import print_log

PATIENCE_S = 90


class Workspace:
    """A workspace with sample data, and the command line in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "quarterdeck.console.main", "--workspace", str(self.root), *arguments]

    def run(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("processes") / "workspace")
    workspace.run("init", str(workspace.root))
    settings = workspace.root / "quarterdeck.toml"
    settings.write_text("[server]\nport = 0\nprocesses = 1\n")
    yield workspace
    workspace.run("daemon", "stop")


def example(signature: dict[str, Any]) -> dict[str, Any]:
    """A row that the model has seen the like of."""
    return {
        field["name"]: field["categories"][0] if field["categories"] else field["minimum"]
        for field in signature["fields"]
    }


def test_a_run_is_followed_line_by_line_and_makes_a_version(workspace: Workspace) -> None:
    out = workspace.run("pipeline", "run", "fuel")
    assert re.search(r"^run 1  model  succeeded", out, re.MULTILINE)
    assert "fuel@1" in out
    assert workspace.json("run", "show", "1")["run"]["status"] == "succeeded"
    assert workspace.run("run", "logs", "1") != ""
    assert [row["ok"] for row in workspace.json("model", "verify", "fuel")].count(False) == 0


def test_the_flights_of_a_new_workspace_make_a_version_that_waits_for_a_person(workspace: Workspace) -> None:
    out = workspace.run("pipeline", "run", "flights")
    assert re.search(r"flights@1, accepted, served by onnxruntime", out)
    assert "next:  quarterdeck model promote flights@1" in out


def test_the_champion_is_answered_by_the_server_that_the_daemon_started(workspace: Workspace) -> None:
    assert workspace.json("daemon", "start")["status"] == "running"
    assert workspace.json("daemon", "status")["status"] == "running"
    workspace.run("daemon", "start", code=4)
    signature = workspace.json("model", "show", "fuel")["version"]["signature"]
    row = json.dumps(example(signature))
    (answer,) = answered(workspace, row)
    assert isinstance(answer["value"], float)
    workspace.run("predict", "fuel", "--row", '{"no": 1}', code=1)
    workspace.run("predict", "nothing", "--row", row, code=3)
    assert {service["kind"] for service in workspace.json("service", "list")} == {"daemon", "server"}
    assert not [item for item in workspace.json("doctor") if item["health"] == "FAIL"]


def answered(workspace: Workspace, row: str) -> Any:
    """The daemon starts the server by itself, a moment after it has started."""
    from quarterdeck.core.values import ServiceKind
    from quarterdeck.scheduler.control import wait_for
    from quarterdeck.store.engine import Database

    with Database.sqlite(workspace.root / ".quarterdeck" / "quarterdeck.db") as database:
        wait_for(database, ServiceKind.SERVER)
    return workspace.json("predict", "fuel", "--row", row)


def test_a_queued_run_is_taken_by_the_daemon(workspace: Workspace) -> None:
    run = workspace.json("pipeline", "run", "fuel", "--detach")
    workspace.run("run", "logs", str(run["id"]), "--follow")
    assert workspace.json("run", "show", str(run["id"]))["run"]["status"] == "succeeded"


def test_stopping_the_daemon_stops_the_server_too(workspace: Workspace) -> None:
    assert workspace.json("daemon", "stop") == {"stopped": True}
    assert {service["status"] for service in workspace.json("service", "list")} == {"stopped"}
    assert "has stopped" in workspace.run("daemon", "logs")


def test_ctrl_c_cancels_the_run_that_is_followed(workspace: Workspace) -> None:
    steps = workspace.root / "pipelines" / "fuel" / "steps.py"
    endless = "    import threading\n    threading.Event().wait()\n"
    before = steps.read_text()
    steps.write_text(re.sub(r"(def features\([^)]*\)[^:]*:\n)", rf"\1{endless}", before, count=1))
    assert steps.read_text() != before
    child = subprocess.Popen(
        workspace.command("pipeline", "run", "fuel"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if re.search(r"features +running", line):
            break
    os.kill(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=PATIENCE_S)
    steps.write_text(before)
    assert child.returncode == 130
    assert err == "interrupted\n"
    assert workspace.json("run", "list", "--limit", "1")[0]["status"] == "cancelled"


def test_a_log_is_read_to_its_end_when_its_writer_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "a.log"
    log.write_text("one\n")
    looks = iter([False, True])

    def ended() -> bool:
        over = next(looks)
        with log.open("a") as file:
            file.write("two\n" if not over else "three\n")
        return over

    print_log(log, tail=None, until=ended, empty="nothing")
    assert capsys.readouterr().out == "one\ntwo\nthree\n"
