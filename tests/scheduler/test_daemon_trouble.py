"""One real daemon through a bad day: each time it says what the matter is, does no harm, and comes back by itself.

The tests share the daemon; each leaves things as they were. The last one ends it.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from quarterdeck.core.alerting import WORKSPACE
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import UnavailableError
from quarterdeck.core.runs import Run
from quarterdeck.core.values import RunStatus, ServiceKind
from quarterdeck.scheduler import control, foreground
from quarterdeck.scheduler.lock import NAME, read_lock
from quarterdeck.store import alerts, leases, runs, services
from quarterdeck.store.engine import Database
from quarterdeck.store.migrate import migrate
from quarterdeck.store.workspace import Workspace, create_workspace

pytestmark = pytest.mark.slow  # half a minute, and one daemon for all of it

SETTINGS = (
    "[server]\nport = 0\nprocesses = 1\n[daemon]\ntick_seconds = 0.05\nheartbeat_seconds = 0.2\nlease_seconds = 2\n"
)
MANIFEST = """
[pipeline]
name = "greedy"
task = "regression"
target = "y"
entity = "id"
time = "at"

[steps.rows]
"""
GREEDY = """
import threading


def rows():
    held = bytearray(3_000_000_000)
    held[::4096] = b"x" * len(held[::4096])
    threading.Event().wait()
"""


@dataclass
class Lab:
    """A workspace with a daemon, looked at from outside. The store is opened anew for each look."""

    workspace: Workspace
    pid: int
    heard: list[str]  # by a socket in the place of systemd's

    def said(self) -> dict[str, Any]:
        return read_lock(self.workspace.run / NAME) or {}

    def problems(self) -> dict[str, str]:
        found: dict[str, str] = self.said().get("detail", {}).get("problems", {})
        return found

    @contextmanager
    def store(self) -> Iterator[Database]:
        with Database.sqlite(self.workspace.database) as database:
            yield database

    def until(self, condition: Callable[[], bool], what: str) -> None:
        control.wait_until(condition, what=f"{what}; it says {self.said()}", patience=100.0)

    def until_problem(self, text: str) -> None:
        self.until(lambda: any(text in said for said in self.problems().values()), f"it to say {text!r}")

    def until_it_works(self) -> None:
        """It beats again, and nothing is wrong."""

        def beat() -> str:
            with self.store() as database, database.read() as tx:
                service = services.find(tx, ServiceKind.DAEMON)
            return "" if service is None else str(service.heartbeat_at)

        before = beat()
        self.until(lambda: beat() not in ("", before) and not self.problems(), "a heartbeat without a problem")
        assert psutil.Process(self.pid).is_running()


@pytest.fixture(scope="module")
def manager() -> Iterator[list[str]]:
    """What systemd would hear, line by line."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(f"\0quarterdeck-test-{os.getpid()}")

        def listen() -> None:
            while data := channel.recv(65536):
                heard.extend(data.decode().split("\n"))

        listening = threading.Thread(target=listen)
        listening.start()
        yield heard
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", f"\0quarterdeck-test-{os.getpid()}")
        listening.join()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, manager: list[str]) -> Iterator[Lab]:
    workspace = create_workspace(tmp_path_factory.mktemp("trouble") / "workspace", data=False)
    for folder in workspace.pipelines_folder.iterdir():
        shutil.rmtree(folder)
    workspace.settings_file.write_text(SETTINGS)
    with Database.sqlite(workspace.database) as database:
        migrate(database, backup_to=None, now=utc_now())
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NOTIFY_SOCKET", f"@quarterdeck-test-{os.getpid()}")
            patch.setenv("WATCHDOG_USEC", "2000000")
            pid = control.start_daemon(workspace, database).pid
        control.wait_for(database, ServiceKind.SERVER)
    lab = Lab(workspace, pid, manager)
    yield lab
    with lab.store() as database:
        control.stop_daemon(database, workspace=workspace)
        left = control.find(database, ServiceKind.SERVER)
    if left is not None:
        psutil.Process(left.pid).kill()


def test_the_service_manager_hears_that_it_is_ready_and_then_that_it_lives(lab: Lab) -> None:
    lab.until(lambda: lab.heard.count("WATCHDOG=1") > 1, "signs of life")
    assert lab.heard[:2] == ["READY=1", "STATUS=works"]


def test_a_database_that_is_gone_is_waited_for_and_not_made_anew(lab: Lab, tmp_path: Path) -> None:
    file = lab.workspace.database
    file.rename(tmp_path / "kept.db")
    lab.until_problem("the database is gone")
    status = command(lab, "daemon", "status")
    assert (status.returncode, file.exists()) == (7, False)
    assert re.search(r"^store +the database is gone$", status.stdout, re.MULTILINE)
    refused = command(lab, "run", "list")
    assert (refused.returncode, file.exists()) == (7, False)
    assert f"the daemon (process {lab.pid}) waits for it" in refused.stderr
    (tmp_path / "kept.db").rename(file)
    lab.until_it_works()


def command(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "quarterdeck.console.main", "--workspace", str(lab.workspace.root), *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)


def test_a_database_that_was_replaced_is_opened_anew_under_a_new_token(lab: Lab, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(lab.workspace.database)) as old, closing(sqlite3.connect(backup)) as new:
        old.backup(new)
    before = token(lab)
    for name in ("quarterdeck.db-wal", "quarterdeck.db-shm"):
        (lab.workspace.state / name).unlink(missing_ok=True)
    backup.replace(lab.workspace.database)
    lab.until(lambda: token(lab) > before, "the lease of the new file")
    lab.until_it_works()
    with lab.store() as database:
        control.wait_for(database, ServiceKind.SERVER)


def token(lab: Lab) -> int:
    with lab.store() as database, database.read() as tx:
        lease = leases.find(tx, leases.DAEMON)
    return 0 if lease is None else lease.token


def test_a_workspace_that_is_gone_is_waited_for(lab: Lab, tmp_path: Path) -> None:
    away = tmp_path / "away"
    lab.workspace.root.rename(away)
    moved = Lab(Workspace(root=away), lab.pid, lab.heard)
    moved.until_problem("the workspace is gone")
    away.rename(lab.workspace.root)
    lab.until_it_works()


def test_a_workspace_that_was_replaced_by_a_copy_of_it_is_gone_on_with(lab: Lab, tmp_path: Path) -> None:
    away, copied = tmp_path / "away", tmp_path / "copied"
    before = token(lab)
    lab.workspace.root.rename(away)
    Lab(Workspace(root=away), lab.pid, lab.heard).until_problem("the workspace is gone")
    shutil.copytree(away, copied)
    copied.rename(lab.workspace.root)
    lab.until(lambda: token(lab) > before and lab.said().get("pid") == lab.pid, "the lease in the copy")
    lab.until_it_works()


def test_a_full_disk_is_said_where_it_can_be_and_nothing_is_half_written(lab: Lab) -> None:
    before = resource.prlimit(lab.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(lab.pid, resource.RLIMIT_FSIZE, (16_384, before[1]))  # beyond that every write of it fails
    try:
        lab.until(lambda: any("full" in said or "disk" in said for said in lab.problems().values()), "it to say so")
    finally:
        resource.prlimit(lab.pid, resource.RLIMIT_FSIZE, before)
    lab.until_it_works()
    with closing(sqlite3.connect(lab.workspace.database)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_locked_database_is_waited_for_and_the_lock_file_says_at_what(lab: Lab) -> None:
    with locked(lab):
        lab.until(lambda: ", for 1." in str(lab.said().get("detail", {}).get("at_work")), "a job that waits")
    lab.until_it_works()


@pytest.mark.slow
def test_a_database_that_is_locked_for_long_is_a_problem_in_words(lab: Lab) -> None:
    with locked(lab):
        lab.until_problem("locked")
    lab.until_it_works()


@contextmanager
def locked(lab: Lab) -> Iterator[None]:
    with closing(sqlite3.connect(lab.workspace.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("chattr") is None, reason="needs root, and chattr")
def test_a_database_that_cannot_be_written_is_a_problem_until_it_can_be(lab: Lab) -> None:
    # not the -shm file: it is mapped, and who writes to a mapping of an immutable file is killed by the kernel
    files = [str(path) for path in lab.workspace.state.glob("quarterdeck.db*") if not path.name.endswith("-shm")]
    if subprocess.run(["chattr", "+i", *files], capture_output=True, check=False).returncode != 0:
        pytest.skip("this file system knows no immutable files")
    try:
        lab.until(lambda: bool(lab.problems()), "it to say so")
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)
    lab.until_it_works()


def test_settings_are_read_anew_when_asked_and_wrong_ones_change_nothing(lab: Lab) -> None:
    lab.workspace.settings_file.write_text(SETTINGS + "workrs = 3\n")
    os.kill(lab.pid, signal.SIGHUP)
    lab.until_problem("workrs")
    lab.until(lambda: "STATUS=works, but for: settings" in lab.heard, "the manager to hear of it")
    assert "RELOADING=1" in lab.heard
    lab.workspace.settings_file.write_text(SETTINGS + "run_memory_mb = 1000\n")
    os.kill(lab.pid, signal.SIGHUP)
    lab.until_it_works()


def test_a_run_that_uses_more_memory_than_it_may_fails_with_a_sentence(lab: Lab) -> None:
    folder = lab.workspace.pipelines_folder / "greedy"
    folder.mkdir()
    folder.joinpath("pipeline.toml").write_text(MANIFEST)
    folder.joinpath("steps.py").write_text(GREEDY)
    lab.workspace.settings_file.write_text(SETTINGS + "run_memory_mb = 1000\n")
    os.kill(lab.pid, signal.SIGHUP)
    run = queued(lab, "greedy")
    lab.until(lambda: get(lab, run).status.finished, "the run to end")
    run = get(lab, run)
    assert (run.status, run.attempt) == (RunStatus.FAILED, 1)
    assert run.error is not None and "more than the 1,000 MB that [daemon] run_memory_mb allows" in run.error
    shutil.rmtree(folder)


def queued(lab: Lab, pipeline: str) -> Run:
    with lab.store() as database:
        return foreground.queue(lab.workspace, database, pipeline, by="ops")


def get(lab: Lab, run: Run) -> Run:
    with lab.store() as database, database.read() as tx:
        return runs.get(tx, run.id)


@pytest.mark.slow
def test_a_problem_that_lasts_is_an_alert_and_goes_when_it_is_gone(lab: Lab) -> None:
    lab.workspace.settings_file.write_text(SETTINGS + '[[alerts]]\non = "daemon"\nfor = "5s"\n')
    os.kill(lab.pid, signal.SIGHUP)
    lab.until_it_works()
    lab.workspace.settings_file.write_text("[daemon]\nno = 1\n")
    os.kill(lab.pid, signal.SIGHUP)
    lab.until(lambda: alerted(lab) == ["settings"], "the alert")
    lab.workspace.settings_file.write_text(SETTINGS)
    os.kill(lab.pid, signal.SIGHUP)
    lab.until(lambda: alerted(lab) == [], "the alert to go")


def alerted(lab: Lab) -> list[str]:
    with lab.store() as database, database.read() as tx:
        return [alert.subject for alert in alerts.page(tx, model=WORKSPACE, unresolved=True)]


def test_a_store_that_a_newer_version_upgraded_is_left_alone(lab: Lab) -> None:
    (known,) = version(lab, "SELECT version_num FROM alembic_version")
    version(lab, "UPDATE alembic_version SET version_num = '9999'")
    assert psutil.Process(lab.pid).wait(60) == UnavailableError.exit_code
    assert "brought to schema 9999" in (lab.workspace.logs / "daemon.log").read_text()
    version(lab, "UPDATE alembic_version SET version_num = ?", known)


def version(lab: Lab, statement: str, *values: str) -> tuple[str, ...]:
    with closing(sqlite3.connect(lab.workspace.database)) as database, database:
        found = database.execute(statement, values).fetchone()
    return tuple(found or ())
