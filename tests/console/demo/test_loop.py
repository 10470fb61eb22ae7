"""The whole loop, with the real daemon, workers and server: seven weeks of it are enough to close."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from quarterdeck.console.context import Console
from quarterdeck.console.demo.loop import Loop, Moment, Outcome
from quarterdeck.console.demo.report import to_json
from quarterdeck.console.demo.settings import SETTINGS
from quarterdeck.core.values import RunStatus, ServiceKind
from quarterdeck.scheduler import control
from quarterdeck.scheduler.replay.story import Line
from quarterdeck.store import alerts, registry, runs, triggers
from quarterdeck.store.workspace import create_workspace

WEEKS = 7


@pytest.fixture(scope="module")
def told() -> list[Line]:
    return []


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    workspace = create_workspace(tmp_path_factory.mktemp("demo") / "workspace", data=False)
    workspace.settings_file.write_text(SETTINGS)
    with Console.open(workspace.root) as console:
        yield console
        control.stop_daemon(console.database)


@pytest.fixture(scope="module")
def outcome(console: Console, told: list[Line]) -> Outcome:
    def tell(line: Line, _at: datetime | None) -> None:
        told.append(line)

    def show(_moment: Moment) -> None:
        return

    return Loop(console, tell=tell, show=show, days=7 * WEEKS).play()


def test_fuel_decays_is_retrained_proves_better_and_takes_over(outcome: Outcome) -> None:
    fuel = outcome.pipelines["fuel"]
    assert (fuel.triggered_by, fuel.verdict, fuel.champion_before) == ("decay", "promote", 1)
    assert fuel.champion_after >= 2
    assert fuel.frozen_error is not None and fuel.after_error is not None
    assert fuel.after_error < fuel.frozen_error
    assert outcome.closed


def test_every_request_was_answered(outcome: Outcome) -> None:
    for closing in outcome.pipelines.values():
        assert closing.requests > 1000
        assert closing.failures == 0
        assert closing.refused < 0.03 * closing.requests  # flights of an airline that training had not seen
        assert closing.p99_ms is not None


@pytest.mark.usefixtures("outcome")
def test_the_trigger_fired_after_the_fouling_began_and_the_chain_is_kept(console: Console) -> None:
    with console.database.read() as tx:
        version = registry.get(tx, "fuel", 2)
        assert version.run_id is not None
        run = runs.get(tx, version.run_id)
        (firing,) = triggers.firings(tx, run_id=run.id)
        assert run.cause["firing"] == firing.id
        alert = alerts.get(tx, run.cause["alert"])
    assert run.status is RunStatus.SUCCEEDED
    assert alert.kind == "decay"
    assert alert.event_at is not None and (alert.event_at.year, alert.event_at.month) >= (2025, 4)


def test_the_story_tells_of_it_once(outcome: Outcome, told: list[Line]) -> None:
    kinds = [line.kind for line in told if line.pipeline == "fuel"]
    assert kinds.count("promote") == outcome.pipelines["fuel"].champion_after
    assert len({line.text for line in told}) == len(told)


def test_the_closing_table_as_json_has_the_keys_that_scripts_read(outcome: Outcome) -> None:
    found = json.loads(json.dumps(to_json(outcome)))
    assert found["audit_ok"] is True
    assert set(found["pipelines"]) == {"flights", "fuel"}
    expected = {
        "champion_before", "champion_after", "triggered_by", "verdict", "metric", "frozen_error", "after_error",
        "requests", "failures", "p50_ms", "p99_ms",
    }  # fmt: skip
    assert expected <= set(found["pipelines"]["fuel"])


def test_an_interrupted_demo_stops_what_it_started(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    command = [sys.executable, "-m", "quarterdeck.console.main", "demo", "--headless", "--dir", str(root)]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def serving() -> bool:
        return (root / "quarterdeck.toml").exists() and service(root, ServiceKind.SERVER) is not None

    control.wait_until(serving, what="the demo's server", child=demo, patience=90.0)
    pids = [pid for kind in ServiceKind if (pid := service(root, kind)) is not None]
    demo.send_signal(2)
    output, _ = demo.communicate(timeout=90)
    assert demo.returncode == 130, output
    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]


def service(root: Path, kind: ServiceKind) -> int | None:
    with Console.open(root) as console:
        found = control.find(console.database, kind)
    return None if found is None else found.pid
