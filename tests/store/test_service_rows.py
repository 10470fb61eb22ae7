"""A server's row, as everyone else reads it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest

from quarterdeck.core.errors import ConflictError
from quarterdeck.core.operations import Service
from quarterdeck.core.values import ServiceKind
from quarterdeck.store import services
from quarterdeck.store.engine import Database
from quarterdeck.store.service_rows import announce_server, beat_server, stop_server


def found(database: Database) -> Service:
    with database.read() as tx:
        service = services.find(tx, ServiceKind.SERVER)
    assert service is not None
    return service


def announce(database: Database, pid: int, now: datetime) -> None:
    with database.write() as tx:
        announce_server(tx, name="main", pid=pid, host="127.0.0.1", port=8780, now=now)


def test_an_announced_server_is_alive_to_everyone(database: Database, now: datetime) -> None:
    announce(database, os.getpid(), now)
    service = found(database)
    assert (service.host, service.port, service.started_at) == ("127.0.0.1", 8780, now)
    assert services.is_alive(service)


def test_a_beat_carries_its_time_and_details(database: Database, now: datetime) -> None:
    announce(database, os.getpid(), now)
    later = now + timedelta(seconds=3)
    with database.write() as tx:
        beat_server(tx, name="main", pid=os.getpid(), now=later, detail={"requests": 7})
    assert found(database).heartbeat_at == later
    assert found(database).detail == {"requests": 7}


def test_a_copied_workspace_knows_nothing_of_the_processes_of_the_first(
    database: Database, now: datetime, tmp_path: Path
) -> None:
    announce(database, os.getpid(), now)
    with database.write() as tx:
        beat_server(tx, name="main", pid=os.getpid(), now=now, detail={})
    original = Path(str(database.engine.url.database))
    with closing(sqlite3.connect(original)) as one, closing(sqlite3.connect(tmp_path / "copy.db")) as other:
        one.backup(other)
    with Database.sqlite(tmp_path / "copy.db") as copy:
        with copy.read() as tx:
            assert services.find(tx, ServiceKind.SERVER) is None
            assert services.every(tx) == []
        announce(copy, os.getppid(), now)  # its own server may start, though that one lives
        assert found(copy).pid == os.getppid()
    assert found(database).pid == os.getpid()


def test_a_stopped_server_is_not_alive(database: Database, now: datetime) -> None:
    announce(database, os.getpid(), now)
    with database.write() as tx:
        stop_server(tx, name="main", pid=os.getpid(), now=now, detail={})
    assert not services.is_alive(found(database))


def test_a_second_server_is_refused_while_the_first_lives(database: Database, now: datetime) -> None:
    first = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        announce(database, first.pid, now)
        with pytest.raises(ConflictError, match=f"process {first.pid}"):
            announce(database, os.getpid(), now)
    finally:
        first.communicate(b"\n")
    announce(database, os.getpid(), now)
    assert found(database).pid == os.getpid()


def test_another_process_with_the_same_pid_is_not_the_server(database: Database, now: datetime) -> None:
    announce(database, os.getpid(), now)
    with database.write() as tx:
        before = psutil.Process().create_time() - 100
        tx.exec_driver_sql("UPDATE service SET process_started = ?, pid = ?", (before, os.getppid()))
    announce(database, os.getpid(), now)
    assert found(database).pid == os.getpid()


def test_a_server_that_was_replaced_does_not_touch_the_new_ones_row(database: Database, now: datetime) -> None:
    announce(database, os.getpid(), now)
    with database.write() as tx:
        stop_server(tx, name="main", pid=os.getpid() + 1, now=now, detail={})
        beat_server(tx, name="main", pid=os.getpid() + 1, now=now, detail={"requests": 1})
    assert found(database).stopped_at is None
    assert found(database).detail == {}
