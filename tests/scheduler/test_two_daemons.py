"""Two daemons on one store, each with a workspace of its own, so that no lock file keeps them apart: one acts.

On SQLite, and on a real PostgreSQL.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import ConflictError
from quarterdeck.core.values import RunStatus
from quarterdeck.scheduler import control, foreground
from quarterdeck.scheduler.lock import NAME, read_lock
from quarterdeck.store import auditing, leases, runs
from quarterdeck.store.engine import Database
from quarterdeck.store.migrate import migrate
from quarterdeck.store.workspace import Workspace, create_workspace

LEASE_S = 2
PORT = 5432  # in the name of the server's socket: it listens on no address

MANIFEST = """
[pipeline]
name = "count"
task = "regression"
target = "y"
entity = "id"
time = "at"

[steps.number]
"""
STEPS = """
import os
import time
from pathlib import Path


def number():
    with open({path!r}, "a") as file:
        file.write(f"{{os.getpid()}}\\n")
    while Path({path!r}).with_name("wait").exists():
        time.sleep(0.05)
    return 1
"""


@contextmanager
def postgresql_server() -> Iterator[str]:
    """The URL of an empty database. The test is skipped where no server, or no driver, is installed."""
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'quarterdeck[postgresql]'")
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="quarterdeck-pg-"))
    account = _account()
    if account is not None:
        os.chown(folder, account, -1)
    _call([programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "ops", "--no-sync"], account)
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -p {PORT}"
    _call([programs / "pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start"], account)
    try:
        yield f"postgresql://ops@/postgres?host={folder}&port={PORT}"
    finally:
        _call([programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"], account)
        shutil.rmtree(folder)


def _programs() -> Path:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    kept = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not kept:
        pytest.skip("no PostgreSQL server is installed here (initdb is not found)")
    return kept[-1].parent


def _account() -> int | None:
    """Another account than root, whom the server refuses to run as."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return names.get("postgres", names.get("nobody"))


def _call(command: list[str | Path], account: int | None) -> None:
    done = subprocess.run(
        command, user=account, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shared.db'}"
        return
    with postgresql_server() as url:
        yield url


class Pair:
    """Two workspaces with one store, and the daemons in them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.database = Database(url)
        self.ran = folder / "ran"
        migrate(self.database, backup_to=None, now=utc_now())
        self.workspaces = [self._workspace(folder / name, url) for name in ("first", "second")]
        self.daemons: list[subprocess.Popen[bytes]] = []

    def _workspace(self, root: Path, url: str) -> Workspace:
        workspace = create_workspace(root, data=False)
        for folder in workspace.pipelines_folder.iterdir():
            shutil.rmtree(folder)
        folder = workspace.pipelines_folder / "count"
        folder.mkdir()
        folder.joinpath("pipeline.toml").write_text(MANIFEST)
        folder.joinpath("steps.py").write_text(STEPS.format(path=str(self.ran)))
        workspace.settings_file.write_text(
            "[server]\nport = 0\nprocesses = 1\n"
            f"[daemon]\ntick_seconds = 0.05\nheartbeat_seconds = 0.2\nlease_seconds = {LEASE_S}\n"
            f'[store]\ndatabase_url = "{url}"\n'
        )
        return workspace

    def start(self, which: int, *options: str, within: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        root = str(self.workspaces[which].root)
        command = [*within, sys.executable, "-m", "quarterdeck.scheduler", "--workspace", root, *options]
        with (self.workspaces[which].logs / "daemon.log").open("ab") as log:
            daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        self.daemons.append(daemon)
        return daemon

    def says(self, which: int) -> str:
        return str((read_lock(self.workspaces[which].run / NAME) or {}).get("says", ""))

    def log(self, which: int) -> str:
        return (self.workspaces[which].logs / "daemon.log").read_text()

    def lease(self) -> Any:
        with self.database.read() as tx:
            return leases.find(tx, leases.DAEMON)

    def acts(self, daemon: subprocess.Popen[bytes]) -> bool:
        lease = self.lease()
        return lease is not None and lease.pid == daemon.pid

    def until(self, condition: Callable[[], bool], what: str) -> None:
        control.wait_until(condition, what=what, patience=60.0)

    def freeze(self, daemon: subprocess.Popen[bytes]) -> None:
        """Stop it where it holds no lock on the file: with one nobody could do anything, and nothing could be shown."""
        while True:
            os.kill(daemon.pid, signal.SIGSTOP)
            if not self.database.is_sqlite or self._is_writable():
                return
            os.kill(daemon.pid, signal.SIGCONT)

    def _is_writable(self) -> bool:
        with closing(sqlite3.connect(self.database.place, timeout=0.5, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
                other.execute("ROLLBACK")
            except sqlite3.OperationalError:
                return False
        return True

    def close(self) -> None:
        for daemon in self.daemons:
            if daemon.poll() is None:
                os.kill(daemon.pid, signal.SIGCONT)
                daemon.terminate()
            daemon.wait(60)
        for workspace in self.workspaces:
            file = workspace.run / "server.pid"
            if file.exists() and psutil.pid_exists(int(file.read_text())):
                psutil.Process(int(file.read_text())).kill()
        self.database.close()


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Pair]:
    """On PostgreSQL alone: a file is on one machine."""
    with postgresql_server() as url, ExitStack() as stack:
        pair = Pair(url, tmp_path)
        stack.callback(pair.close)
        yield pair


@pytest.fixture
def pair(url: str, tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        pair = Pair(url, tmp_path)
        stack.callback(pair.close)
        yield pair


def test_one_that_was_frozen_until_another_took_over_finds_out_does_nothing_and_ends(pair: Pair) -> None:
    first = pair.start(0)
    pair.until(lambda: pair.acts(first), "the first to act")
    refused = pair.start(1)
    assert refused.wait(60) == ConflictError.exit_code
    assert f"another daemon acts for this store: process {first.pid}" in pair.log(1)

    second = pair.start(1, "--standby")
    pair.until(lambda: "stands by" in pair.says(1), "the second to stand by")
    pair.freeze(first)
    pair.until(lambda: pair.acts(second), "the second to take over")
    assert pair.lease().token == 2

    run = foreground.queue(pair.workspaces[1], pair.database, "count", by="ops")
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait(60) == ConflictError.exit_code
    assert "this daemon does not act any more" in pair.log(0) and "it has token 2, this process had 1" in pair.log(0)

    def found() -> Any:
        with pair.database.read() as tx:
            return runs.get(tx, run.id)

    pair.until(lambda: found().status.finished, "the run")
    assert (found().status, found().attempt, pair.acts(second)) == (RunStatus.SUCCEEDED, 1, True)
    assert len(pair.ran.read_text().splitlines()) == 1
    with pair.database.read() as tx:
        assert auditing.verify(tx)[1] == []


# a process id means nothing outside, and all of it dies at once: as another machine, without its network
ANOTHER_MACHINE = ("unshare", "--pid", "--fork", "--mount-proc", "--uts", "--kill-child")


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root, and unshare")
def test_a_machine_that_dies_loses_lease_and_run_to_another_which_does_the_run_once(far: Pair) -> None:
    wait = far.ran.with_name("wait")
    wait.touch()
    first = far.start(0, within=ANOTHER_MACHINE)
    far.until(lambda: (lease := far.lease()) is not None and lease.place != leases.this_place(), "the first to act")
    run = foreground.queue(far.workspaces[0], far.database, "count", by="ops")
    far.until(far.ran.exists, "the run to begin")
    second = far.start(1, "--standby")
    far.until(lambda: "stands by" in far.says(1), "the second to stand by")
    machine = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    psutil.wait_procs(machine, timeout=60)
    wait.unlink()
    far.until(lambda: far.acts(second), "the second to take over")

    def found() -> Any:
        with far.database.read() as tx:
            return runs.get(tx, run.id)

    far.until(lambda: found().status.finished, "the run")
    assert (found().status, found().attempt) == (RunStatus.SUCCEEDED, 2)
    assert "has said nothing for" in far.log(1)
    assert len(far.ran.read_text().splitlines()) == 2
