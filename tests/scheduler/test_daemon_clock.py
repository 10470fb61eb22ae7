"""The machine's clock is set while the daemon works: what it waits for goes on, what it planned is planned anew."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import psutil
import pytest

from quarterdeck.core.clock import utc_now
from quarterdeck.core.operations import Service
from quarterdeck.core.values import ServiceKind
from quarterdeck.scheduler import control
from quarterdeck.scheduler.daemon import Daemon, End
from quarterdeck.scheduler.state import State, open_state
from quarterdeck.store import services
from quarterdeck.store.workspace import Workspace


@pytest.fixture
def state(workspace: Workspace) -> Iterator[State]:
    workspace.settings_file.write_text("[server]\nport = 0\nprocesses = 1\n[daemon]\nheartbeat_seconds = 0.1\n")
    with open_state(workspace) as state:
        yield state


@pytest.fixture
def daemon(state: State) -> Iterator[Daemon]:
    daemon = Daemon(state)
    yield daemon
    daemon.workers.stop(utc_now())
    daemon.server.stop()


def row(state: State) -> Service:
    with state.database.read() as tx:
        found = services.find(tx, ServiceKind.DAEMON)
    assert found is not None
    return found


def until_beaten(state: State, daemon: Daemon, wall: datetime) -> None:
    def beaten() -> bool:
        daemon.tick(wall)
        return row(state).heartbeat_at == wall

    control.wait_until(beaten, what="a heartbeat", patience=60)


def test_after_a_jump_back_or_forward_it_beats_on_and_keeps_its_server(
    state: State, daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    wall = utc_now()

    def server() -> Service | None:
        return control.find(state.database, ServiceKind.SERVER)

    def round_ends() -> bool:
        return daemon.tick(wall) is End.STOPPED and server() is not None

    control.wait_until(round_ends, what="the server", patience=60)
    first = server()
    for jump, said in ((timedelta(hours=-1), "back by 36"), (timedelta(days=1), "forward by 86400 s")):
        wall += jump
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            daemon.tick(wall)
        assert said in caplog.text and "planned anew" in caplog.text
        until_beaten(state, daemon, wall)
        assert daemon.ticking.problems == {}
        kept = server()
        assert first is not None and kept is not None and kept.pid == first.pid
    assert first is not None and psutil.pid_exists(first.pid)
