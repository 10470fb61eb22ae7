"""The daemon's signs of life go on while jobs end, and no longer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from quarterdeck.scheduler.lock import LockFile, read_lock, single_instance
from quarterdeck.scheduler.pulse import STALLED_S, Pulse
from quarterdeck.scheduler.service_manager import ServiceManager


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[LockFile]:
    with single_instance(tmp_path / "daemon.lock") as lock:
        yield lock


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tmp_path / "notify"))
        channel.setblocking(False)
        yield channel


def heard(manager: socket.socket) -> list[str]:
    said = []
    while True:
        try:
            said += manager.recv(65536).decode().split("\n")
        except BlockingIOError:
            return said


class Daemon:
    """Its progress and the time, in the test's hand."""

    def __init__(self) -> None:
        self.progress, self.now = 0, 100.0

    def pulse(self, lock: LockFile, manager: socket.socket) -> Pulse:
        notify = ServiceManager(str(manager.getsockname()), watchdog_s=8.0)
        return Pulse(
            lock,
            notify,
            progress=lambda: self.progress,
            report=lambda: {"says": "works"},
            clock=lambda: self.now,
        )


def test_the_watchdog_is_fed_while_jobs_end_and_not_by_a_daemon_that_hangs(
    lock: LockFile, manager: socket.socket
) -> None:
    daemon = Daemon()
    pulse = daemon.pulse(lock, manager)
    for _ in range(10):
        daemon.progress, daemon.now = daemon.progress + 1, daemon.now + 1
        pulse.look()
    assert heard(manager).count("WATCHDOG=1") == 5  # a quarter of the time that it is given
    for _ in range(10):
        daemon.now += 1
        pulse.look()
    assert heard(manager) == []
    daemon.progress += 1
    pulse.look()
    assert heard(manager) == ["WATCHDOG=1"]


def test_a_daemon_that_hangs_goes_on_no_more_and_the_lock_file_says_since_when(
    lock: LockFile, manager: socket.socket
) -> None:
    daemon = Daemon()
    pulse = daemon.pulse(lock, manager)
    pulse.look()
    assert pulse.goes_on()
    daemon.now += STALLED_S
    pulse.look()
    said = read_lock(lock.path)
    assert not pulse.goes_on() and said is not None and said["stalled_s"] == STALLED_S
