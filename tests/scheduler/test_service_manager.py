"""sd_notify with a real datagram socket in the place of systemd's: with a path, and in the abstract namespace."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from quarterdeck.scheduler.service_manager import LONGEST_STATUS, ServiceManager


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@quarterdeck-test-{os.getpid()}"


@pytest.fixture
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind("\0" + address[1:] if address.startswith("@") else address)
        channel.settimeout(5.0)
        yield channel


def heard(manager: socket.socket) -> list[str]:
    return manager.recv(65536).decode().split("\n")


def test_the_manager_hears_of_each_turn(manager: socket.socket, address: str) -> None:
    notify = ServiceManager(address)
    notify.ready("works")
    assert heard(manager) == ["READY=1", "STATUS=works"]
    notify.reloading()
    first, second = heard(manager)
    assert first == "RELOADING=1" and second.startswith("MONOTONIC_USEC=")
    notify.alive()
    assert heard(manager) == ["WATCHDOG=1"]
    notify.stopping("stopped")
    assert heard(manager) == ["STOPPING=1", "STATUS=stopped"]


def test_a_status_is_one_line_of_bounded_length_and_said_only_when_it_changes(
    manager: socket.socket, address: str
) -> None:
    notify = ServiceManager(address)
    for _ in range(3):
        notify.status("one\nREADY=1")
    notify.status("x" * 10_000)
    assert heard(manager) == ["STATUS=one READY=1"]
    assert heard(manager) == ["STATUS=" + "x" * LONGEST_STATUS]


def test_the_environment_says_it_to_this_process_alone(manager: socket.socket, address: str) -> None:
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "4000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    notify = ServiceManager.from_environment(environ)
    assert environ == {"HOME": "/"}
    assert notify.watchdog_s == 4.0
    notify.alive()
    assert heard(manager) == ["WATCHDOG=1"]


def test_a_watchdog_for_another_process_is_not_ours() -> None:
    assert ServiceManager.from_environment({"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "1"}).watchdog_s is None


def test_without_a_manager_or_with_one_that_is_gone_nothing_happens(tmp_path: Path) -> None:
    ServiceManager.from_environment({}).ready("works")
    ServiceManager(str(tmp_path / "nobody")).ready("works")
