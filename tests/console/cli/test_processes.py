"""The command line with the real thing behind it: a run, the daemon, the server, an answer, the end."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from quarterdeck.console.cli.logfile import print_log
from quarterdeck.core.expected import Expected
from quarterdeck.scheduler.control import wait_until
from quarterdeck.store.artifacts import ArtifactStore

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


def test_the_plan_says_who_answers_and_what_is_held_ready(workspace: Workspace) -> None:
    plan = workspace.json("service", "plan")
    assert plan["source"].startswith("http://127.0.0.1:") and plan["ready"] and plan["memory_bytes"] > 1e6
    versions = {item["name"]: item["versions"] for item in plan["endpoints"]}
    (fuel,), (flights,) = versions["fuel"], versions["flights"]
    assert (fuel["role"], fuel["weight"], fuel["answers"], fuel["loaded"]) == ("champion", 100.0, True, True)
    assert (flights["role"], flights["answers"]) == ("ready", False)
    assert fuel["engine_reason"] in workspace.run("service", "plan", "fuel")
    workspace.run("service", "plan", "nothing", code=3)


def test_the_running_server_answers_as_training_did(workspace: Workspace) -> None:
    tested = workspace.json("service", "test", "fuel")
    assert tested["passed"] and tested["rows"] > 50 and tested["differences"] == []
    assert "as its training engine did" in workspace.run("service", "test", "fuel")
    workspace.run("service", "test", "fuel", "--version", "9", code=3)


@pytest.mark.slow
def test_expected_inputs_of_before_are_made_when_a_person_asks_for_them(workspace: Workspace) -> None:
    with sqlite3.connect(workspace.root / ".quarterdeck" / "quarterdeck.db") as database:
        database.execute("UPDATE version SET expected = NULL WHERE model = 'flights'")
    database.close()
    workspace.run("service", "test", "flights", "--version", "1", code=3)
    workspace.run("--read-only", "service", "expect", "flights@1", code=5)
    made = workspace.json("service", "expect", "flights@1", "--reason", "from now on")
    assert made["new"] and made["rows"] > 50
    assert workspace.json("service", "expect", "flights@1")["new"] is False
    entry = workspace.json("audit", "list", "--limit", "1")[0]
    assert (entry["act"], entry["reason"]) == ("keep_expected", "from now on")
    assert workspace.json("service", "test", "flights", "--version", "1")["passed"]


def test_other_answers_than_in_training_are_listed_with_exit_1(workspace: Workspace) -> None:
    other = Expected(rows=({"no": 1},), answers=({"value": 1.0},))
    kept = ArtifactStore(workspace.root / ".quarterdeck" / "artifacts").put(other.to_bytes())
    own = expect_of_fuel(workspace, kept.sha256)
    found = workspace.json("service", "test", "fuel", code=1)
    assert (found["passed"], found["differing"], found["differences"][0]["what"]) == (False, 1, "answer")
    assert "HTTP 422" in workspace.run("service", "test", "fuel", code=1)
    expect_of_fuel(workspace, own)


def expect_of_fuel(workspace: Workspace, sha256: str) -> str:
    """Put other expected inputs in the place of the version's own, which are given back."""
    with sqlite3.connect(workspace.root / ".quarterdeck" / "quarterdeck.db") as database:
        (before,) = database.execute("SELECT expected FROM version WHERE model = 'fuel'").fetchone()
        database.execute("UPDATE version SET expected = ? WHERE model = 'fuel'", (sha256,))
    database.close()
    return str(before)


@pytest.mark.slow
def test_an_endpoint_is_driven_and_judged(workspace: Workspace) -> None:
    drive = ("service", "load", "fuel", "--rate", "50", "--duration", "1s", "--ramp", "0s", "--p99-ms", "5000")
    report = workspace.json(*drive)
    assert (report["answered"], report["errors"], report["gate"]["outcome"]) == (50, {}, "pass")
    assert report["latency_ms"]["p50"] <= report["latency_ms"]["p99.9"] <= report["latency_ms"]["max"]
    assert re.search(r"^gate +FAIL: qps", workspace.run(*drive, "--min-qps", "5000", code=1), re.MULTILINE)
    workspace.run(*drive, "--connections", "2", code=2)
    workspace.run("service", "load", "fuel", "--duration", "1h", code=2)


def test_ctrl_c_ends_a_load_and_says_what_was_counted(workspace: Workspace) -> None:
    child = subprocess.Popen(
        workspace.command("service", "load", "fuel", "--rate", "50", "--duration", "60s", "--ramp", "0s"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    before = driven(workspace)
    wait_until(lambda: driven(workspace) > before + 20, what="the load", patience=PATIENCE_S)
    senders = psutil.Process(child.pid).children()
    os.kill(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=PATIENCE_S)
    assert (child.returncode, err) == (130, "interrupted\n")
    assert re.search(r"^answered +\d+ in", out, re.MULTILINE)
    assert len(senders) == 2 and not any(sender.is_running() for sender in senders)


def test_a_load_whose_command_is_killed_ends_by_itself(workspace: Workspace) -> None:
    child = subprocess.Popen(
        workspace.command("service", "load", "fuel", "--connections", "2", "--duration", "60s", "--ramp", "0s"),
        stdout=subprocess.DEVNULL,
    )
    before = driven(workspace)
    wait_until(lambda: driven(workspace) > before + 5, what="the load", patience=PATIENCE_S)
    senders = psutil.Process(child.pid).children()
    child.kill()
    child.wait()
    gone, left = psutil.wait_procs(senders, timeout=PATIENCE_S)
    assert (len(gone), left) == (2, [])


def driven(workspace: Workspace) -> int:
    """Answers under the arm of versions that were asked by number."""
    with sqlite3.connect(workspace.root / ".quarterdeck" / "traffic.db") as database:
        found: int = database.execute("SELECT COUNT(*) FROM prediction WHERE arm = 'direct'").fetchone()[0]
    database.close()
    return found


def test_the_servers_log_is_shown(workspace: Workspace) -> None:
    assert "serving on http://127.0.0.1:" in workspace.run("service", "logs", "--tail", "1000")
    lines = workspace.run("service", "logs", "daemon", "--json").splitlines()
    assert all(json.loads(line)["line"] for line in lines)


def test_a_daemon_is_started_again_while_its_server_goes_on_answering(workspace: Workspace) -> None:
    before = {service["kind"]: service["pid"] for service in workspace.json("service", "list")}
    assert workspace.json("daemon", "restart", "--keep-server")["status"] == "running"
    after = {service["kind"]: service["pid"] for service in workspace.json("service", "list")}
    assert (after["daemon"] != before["daemon"], after["server"]) == (True, before["server"])
    status = workspace.json("daemon", "status")
    assert (status["lease"]["pid"], status["lease"]["token"]) == (after["daemon"], 2)
    assert status["says"] == "works" and status["detail"]["rounds"]["rounds"] > 0


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
