"""The daemon, its workers and its server as real processes: what they do, and what is left when one is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from quarterdeck.core.clock import utc_now
from quarterdeck.core.operations import Service
from quarterdeck.core.runs import Run
from quarterdeck.core.values import RunStatus, ServiceKind, StepStatus
from quarterdeck.scheduler import control, foreground
from quarterdeck.scheduler.state import State
from quarterdeck.store import alerts, registry, runs, services, steps

MANIFEST = """
[pipeline]
name = "tiny"
task = "regression"
target = "y"
entity = "id"
time = "at"

[steps.rows]
{timeout}
[steps.gate]
[steps.split]
uses = "split_by_time"
inputs = {{ features = "gate" }}
with = {{ holdout = "2d" }}
[steps.model]
uses = "fit"
with = {{ estimator = "sklearn.linear_model.Ridge" }}
[steps.evaluation]
uses = "evaluate"

[rollout]
promote = "auto"
"""

# `gate` waits until the file `open` is in the workspace: a test can act while the run is under way
STEPS = """
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

HERE = Path(__file__).parent


def rows():
    {body}
    start = datetime(2026, 1, 1, tzinfo=UTC)
    numbers = list(range(240))
    return pl.DataFrame({{
        "id": [f"r{{n}}" for n in numbers],
        "at": [start + timedelta(hours=n) for n in numbers],
        "x": [float(n % 17) for n in numbers],
        "y": [2.0 * (n % 17) + (n % 3) for n in numbers],
    }})


def gate(rows):
    (HERE / "reached").touch()
    while not (HERE / "open").exists():
        time.sleep(0.01)
    return rows
"""

RIGHT = "pass"


@pytest.fixture
def folder(state: State) -> Path:
    folder = state.workspace.pipelines_folder / "tiny"
    folder.mkdir()
    state.workspace.settings_file.write_text("[server]\nport = 0\nprocesses = 1\n[daemon]\ntick_seconds = 0.05\n")
    write(folder)
    return folder


def write(folder: Path, *, body: str = RIGHT, timeout: str = "") -> None:
    folder.joinpath("pipeline.toml").write_text(MANIFEST.format(timeout=timeout))
    folder.joinpath("steps.py").write_text(STEPS.format(body=body))


@pytest.fixture
def daemon(state: State, folder: Path) -> Iterator[Service]:
    service = control.start_daemon(state.workspace, state.database)
    yield service
    control.stop_daemon(state.database)
    for kind in ServiceKind:  # whatever a test has killed or started
        left = control.find(state.database, kind)
        if left is not None:
            psutil.Process(left.pid).kill()


def queue(state: State) -> Run:
    return foreground.queue(state.workspace, state.database, "tiny", by="ops")


def get(state: State, run: Run) -> Run:
    with state.database.read() as tx:
        return runs.get(tx, run.id)


def until(condition: Callable[[], bool], what: str) -> None:
    control.wait_until(condition, what=what, patience=60.0)


def until_finished(state: State, run: Run) -> Run:
    until(lambda: get(state, run).status.finished, "the run to finish")
    return get(state, run)


def under_way(state: State, folder: Path) -> Run:
    """A run whose worker stands in the step `gate`."""
    run = queue(state)
    until((folder / "reached").exists, "the run to reach its gate")
    return get(state, run)


def server(state: State) -> Service:
    return control.wait_for(state.database, ServiceKind.SERVER)


def statuses(state: State, run: Run) -> dict[str, StepStatus]:
    with state.database.read() as tx:
        return {step.name: step.status for step in steps.of_run(tx, run.id)}


@pytest.mark.usefixtures("daemon")
def test_a_queued_run_is_trained_judged_registered_and_promoted(state: State, folder: Path) -> None:
    (folder / "open").touch()
    run = until_finished(state, queue(state))
    assert (run.status, run.version, run.error) == (RunStatus.SUCCEEDED, 1, None)
    with state.database.read() as tx:
        version = registry.get(tx, "tiny", 1)
        assert steps.metrics_of(tx, run.id)["mean_absolute_error"] == version.metrics["mean_absolute_error"]
    assert version.state == "champion"
    assert run.provenance["packages"]["scikit-learn"]


def test_a_second_daemon_is_refused_by_name_and_leaves_the_first_alone(state: State, daemon: Service) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "quarterdeck.scheduler", "--workspace", str(state.workspace.root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 4
    assert f"process {daemon.pid}" in second.stderr
    assert control.find(state.database, ServiceKind.DAEMON) == daemon_now(state)


def daemon_now(state: State) -> Service | None:
    with state.database.read() as tx:
        return services.find(tx, ServiceKind.DAEMON)


def test_a_stopped_daemon_takes_its_server_along_and_says_so(state: State, daemon: Service) -> None:
    pid = server(state).pid
    assert control.stop_daemon(state.database)
    assert not psutil.pid_exists(pid)
    row = daemon_now(state)
    assert row is not None and row.stopped_at is not None
    assert not control.stop_daemon(state.database)


@pytest.mark.usefixtures("daemon")
def test_a_daemon_can_stop_and_leave_the_server_answering(state: State) -> None:
    pid = server(state).pid
    control.stop_daemon(state.database, keep_server=True)
    assert psutil.pid_exists(pid)


@pytest.mark.usefixtures("daemon")
def test_a_run_whose_worker_is_killed_goes_on_after_its_last_finished_step(state: State, folder: Path) -> None:
    run = under_way(state, folder)
    assert run.worker_pid is not None
    psutil.Process(run.worker_pid).kill()
    (folder / "open").touch()
    run = until_finished(state, run)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 2)
    assert statuses(state, run)["rows"] is StepStatus.CACHED


def test_a_run_outlives_a_killed_daemon_and_the_next_one_adopts_it(state: State, folder: Path, daemon: Service) -> None:
    run = under_way(state, folder)
    kept = server(state).pid
    psutil.Process(daemon.pid).kill()
    until(lambda: not psutil.pid_exists(daemon.pid) or is_zombie(daemon.pid), "the daemon to be gone")
    control.start_daemon(state.workspace, state.database)
    (folder / "open").touch()
    run = until_finished(state, run)
    assert (run.status, run.attempt) == (RunStatus.SUCCEEDED, 1)
    assert server(state).pid == kept


def is_zombie(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.usefixtures("daemon")
def test_a_killed_server_is_started_again(state: State) -> None:
    first = server(state).pid
    psutil.Process(first).kill()

    def another() -> bool:
        found = control.find(state.database, ServiceKind.SERVER)
        return found is not None and found.pid != first

    until(another, "another server")


@pytest.mark.usefixtures("daemon")
def test_a_run_of_a_command_whose_worker_and_command_are_gone_is_taken_back(state: State, folder: Path) -> None:
    run = queue(state)
    with state.database.write() as tx:  # as a command's worker that claimed it and was killed at once
        if runs.get(tx, run.id).status is RunStatus.QUEUED:
            runs.claim(tx, run.id, pid=2**22 - 1, process_started=1.0, now=utc_now())
    (folder / "open").touch()
    assert until_finished(state, run).status is RunStatus.SUCCEEDED


@pytest.mark.usefixtures("daemon")
def test_a_cancelled_run_whose_worker_is_gone_is_not_trained_again(state: State, folder: Path) -> None:
    run = under_way(state, folder)
    assert run.worker_pid is not None
    with state.database.write() as tx:
        runs.ask_cancel(tx, run.id, now=utc_now())
    psutil.Process(run.worker_pid).kill()
    (folder / "open").touch()
    run = until_finished(state, run)
    assert (run.status, run.version) == (RunStatus.CANCELLED, None)


@pytest.mark.usefixtures("daemon")
def test_the_same_model_again_is_no_new_version(state: State, folder: Path) -> None:
    (folder / "open").touch()
    first, second = (until_finished(state, queue(state)) for _ in range(2))
    assert (first.version, second.version) == (1, 1)
    assert second.message == "unchanged: the same model as tiny@1"


@pytest.mark.usefixtures("daemon")
def test_a_running_run_can_be_cancelled(state: State, folder: Path) -> None:
    run = under_way(state, folder)
    with state.database.write() as tx:
        runs.ask_cancel(tx, run.id, now=utc_now())
    assert until_finished(state, run).status is RunStatus.CANCELLED


def test_a_stopped_daemon_leaves_its_run_in_the_queue(state: State, folder: Path, daemon: Service) -> None:
    run = under_way(state, folder)
    os.kill(daemon.pid, signal.SIGTERM)
    until(lambda: daemon_now_stopped(state), "the daemon to stop")
    run = get(state, run)
    assert (run.status, run.worker_pid) == (RunStatus.QUEUED, None)


def daemon_now_stopped(state: State) -> bool:
    row = daemon_now(state)
    return row is not None and row.stopped_at is not None


@pytest.mark.parametrize(
    ("body", "timeout", "says"),
    [
        ("raise RuntimeError('no more rows')", "", "no more rows"),
        ("return float('nan')", "", "nan"),
        ("return object()", "", "object"),
        ("time.sleep(600)", 'timeout = "1s"', "timeout of 1s"),
        ("import os; os._exit(3)", "", "exit 3), 3 times"),
    ],
)
@pytest.mark.usefixtures("daemon")
def test_a_step_that_goes_wrong_costs_its_run_alone_and_the_reason_is_kept(
    state: State, folder: Path, body: str, timeout: str, says: str
) -> None:
    write(folder, body=body, timeout=timeout)
    run = until_finished(state, queue(state))
    assert run.status is RunStatus.FAILED
    assert run.error is not None and says in run.error.lower()
    write(folder)
    (folder / "open").touch()
    again = until_finished(state, queue(state))
    assert (again.status, again.error) == (RunStatus.SUCCEEDED, None)


@pytest.mark.usefixtures("daemon")
def test_a_broken_manifest_raises_an_alert_that_goes_when_it_is_mended(state: State, folder: Path) -> None:
    (folder / "pipeline.toml").write_text("[pipeline]\nnam = 1\n")

    def problems() -> list[str]:
        with state.database.read() as tx:
            return [alert.message for alert in alerts.page(tx, model="tiny", unresolved=True)]

    until(lambda: bool(problems()), "the alert")
    assert "pipeline.toml:2" in problems()[0]
    write(folder)
    until(lambda: not problems(), "the alert to go")
