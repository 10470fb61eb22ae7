"""Start, stop and look at the daemon and the server from another process: what the commands and the demo use."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import psutil

from quarterdeck.core.errors import ConflictError, UnavailableError
from quarterdeck.core.operations import Service
from quarterdeck.core.values import ServiceKind
from quarterdeck.scheduler.lock import NAME, read_lock
from quarterdeck.scheduler.processes import spawn
from quarterdeck.store import services
from quarterdeck.store.engine import Database
from quarterdeck.store.workspace import Workspace

START_PATIENCE_S = 30.0
STOP_PATIENCE_S = 30.0
LOOK_S = 0.02

# Handles of what was started in the background and outlives us: dropping one would warn that it still runs.
_background: list[subprocess.Popen[bytes]] = []


def start_daemon(workspace: Workspace, database: Database) -> Service:
    """Start the daemon in the background and wait until it says it runs. ConflictError if one runs already."""
    running = find(database, ServiceKind.DAEMON)
    if running is not None:
        raise ConflictError(f"a daemon already runs (process {running.pid})", hint="`quarterdeck daemon stop` stops it")
    database.refuse_read_only()
    child = spawn("quarterdeck.scheduler", "--workspace", str(workspace.root), log=workspace.logs / "daemon.log")
    _background.append(child)
    return wait_for(database, ServiceKind.DAEMON, child, hint="`quarterdeck daemon logs` says why")


def start_server(workspace: Workspace, database: Database) -> Service:
    """Start a prediction server in the background, without a daemon, and wait until it listens."""
    running = find(database, ServiceKind.SERVER)
    if running is not None:
        raise ConflictError(f"a prediction server already runs (process {running.pid})")
    child = spawn(
        "quarterdeck.scheduler.serving", "--workspace", str(workspace.root), log=workspace.logs / "server.log"
    )
    _background.append(child)
    return wait_for(database, ServiceKind.SERVER, child, hint=f"{workspace.logs / 'server.log'} says why")


def stop_daemon(database: Database, *, keep_server: bool = False, workspace: Workspace | None = None) -> bool:
    """Stop the daemon and wait for its end; False if none ran. `keep_server` leaves requests being answered.

    With a workspace, one that holds the workspace's lock is stopped too where the store does not know it: it stands
    by, or has lost its store.
    """
    running = find(database, ServiceKind.DAEMON)
    pid = running.pid if running is not None else None if workspace is None else _holder(workspace)
    return pid is not None and stop_process(pid, keep_server=keep_server)


def _holder(workspace: Workspace) -> int | None:
    held = read_lock(workspace.run / NAME)
    return None if held is None else held["pid"]


def stop_process(pid: int, *, keep_server: bool = False) -> bool:
    """Stop the daemon with this process id and wait for its end."""
    try:
        process = psutil.Process(pid)
        process.send_signal(signal.SIGUSR1 if keep_server else signal.SIGTERM)
        process.wait(timeout=STOP_PATIENCE_S)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired as error:
        raise UnavailableError(
            f"the daemon (process {pid}) has not stopped after {STOP_PATIENCE_S:.0f} s",
            hint="see its log, or end the process",
        ) from error
    _background[:] = [child for child in _background if child.poll() is None]
    return True


def find(database: Database, kind: ServiceKind) -> Service | None:
    """The service that runs now, if any."""
    with database.read() as tx:
        service = services.find(tx, kind)
    return service if service is not None and services.is_alive(service) else None


def wait_for(
    database: Database,
    kind: ServiceKind,
    child: subprocess.Popen[bytes] | None = None,
    *,
    hint: str | None = None,
) -> Service:
    """Wait until a service of this kind runs; UnavailableError if `child`, which should become it, ends instead."""
    found: list[Service] = []

    def announced() -> bool:
        service = find(database, kind)
        if service is not None:
            found.append(service)
        return service is not None

    wait_until(announced, what=f"the {kind} to start", child=child, hint=hint)
    return found[0]


def wait_until(
    condition: Callable[[], bool],
    *,
    what: str,
    child: subprocess.Popen[bytes] | None = None,
    hint: str | None = None,
    patience: float = START_PATIENCE_S,
) -> None:
    """Look again and again until it holds; UnavailableError after `patience` seconds, or when `child` has ended."""
    deadline = time.monotonic() + patience
    while not condition():
        if child is not None and child.poll() is not None and not condition():
            raise UnavailableError(f"waiting for {what}: its process ended with exit {child.returncode}", hint=hint)
        if time.monotonic() > deadline:
            raise UnavailableError(f"waited {patience:.0f} s for {what}", hint=hint)
        time.sleep(LOOK_S)  # between two looks at the store; there is nobody to notify us
