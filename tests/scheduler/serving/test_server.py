"""The process: it starts, says who it is, stops when told, and dies without losing what it promised."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from quarterdeck.core.errors import UnavailableError
from quarterdeck.scheduler.serving.listener import listen
from quarterdeck.store import services

ROW = {"a": 1.0, "b": 2.0}


def run(lab: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quarterdeck.scheduler.serving", "--workspace", str(lab.workspace.root)]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_it_announces_itself_and_beats_with_its_counts(line_lab: Any) -> None:
    server = line_lab.start()
    service = line_lab.service()
    assert (service.pid, service.port, service.host) == (server.process.pid, server.port, "127.0.0.1")
    assert services.is_alive(service)
    server.predict("line", ROW)
    server.predict("nobody", ROW)
    detail = line_lab.wait_until(lambda: (found := line_lab.service().detail)["errors"] and found)
    assert detail["endpoints"] == {"line": 1}
    assert (detail["errors"], detail["failed"], detail["dropped"], detail["problems"]) == (1, 0, 0, [])
    assert detail["requests"] >= 2
    seen = line_lab.service().heartbeat_at
    line_lab.wait_until(lambda: line_lab.service().heartbeat_at > seen)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_has_written_its_log_and_says_that_it_stopped(line_lab: Any, number: int) -> None:
    server = line_lab.start()
    for _ in range(25):
        server.predict("line", [ROW] * 4)
    server.process.send_signal(number)
    assert server.process.wait(30) == 0
    assert len(line_lab.logged()) == 100
    service = line_lab.service()
    assert service.stopped_at is not None
    assert not services.is_alive(service)
    assert service.detail["log_pending"] == 0


def test_a_request_under_way_is_answered_before_it_stops(line_lab: Any) -> None:
    server = line_lab.start()
    body = b'{"a": 1.0, "b": 2.0}'
    head = f"POST /predict/line HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    looks = count()
    before = requests_total(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"\r\n\r\n" + body[:5])
        line_lab.wait_until(lambda: requests_total(server) > before + 1 + next(looks))  # each look is one too
        server.process.send_signal(signal.SIGTERM)
        connection.sendall(body[5:])
        assert connection.recv(1_000).startswith(b"HTTP/1.1 200 ")
    assert server.process.wait(30) == 0
    assert len(line_lab.logged()) == 1


def requests_total(server: Any) -> int:
    lines = server.client.get("/metrics").text.splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("quarterdeck_requests_total "))


def test_a_request_that_never_ends_does_not_keep_it_from_stopping(line_lab: Any) -> None:
    server = line_lab.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(
            b"POST /predict/line HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"
        )
        server.predict("line", ROW)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(9.5) == 0  # the daemon waits ten seconds
    assert len(line_lab.logged()) == 1
    assert line_lab.service().stopped_at is not None


def test_a_killed_server_loses_at_most_a_tenth_of_a_second_of_log_and_no_label(line_lab: Any) -> None:
    server = line_lab.start()
    answered: list[tuple[float, str]] = []
    labelled = []
    for number in range(300):
        body = server.predict("line", ROW).json()
        name = body["predictions"][0]["id"]
        answered.append((datetime.now(UTC).timestamp(), name))
        if number % 10 == 0:
            response = server.client.post("/feedback", json={"id": name, "label": number})
            assert response.status_code == 200
            labelled.append((name, float(number)))
    killed = datetime.now(UTC).timestamp()
    server.process.kill()
    server.process.wait(30)
    logged = {row.id for row in line_lab.logged()}
    lost = [killed - at for at, name in answered if name not in logged]
    assert max(lost, default=0.0) < 0.5  # a tenth of a second, and what a busy machine adds
    assert line_lab.labels() == dict(labelled)
    again = line_lab.start()
    assert again.version_of("line") == 1
    assert line_lab.service().pid == again.process.pid


def test_a_port_in_use_is_an_error_and_not_half_of_the_requests(line_lab: Any) -> None:
    server = line_lab.start()
    done = run(line_lab, "--port", str(server.port))
    assert done.returncode == 7
    assert f"port {server.port} cannot be used" in done.stderr
    assert "--port" in done.stderr


def test_a_second_server_of_the_workspace_is_refused(line_lab: Any) -> None:
    server = line_lab.start()
    done = run(line_lab, "--port", "0")
    assert done.returncode == 4
    assert f"process {server.process.pid}" in done.stderr
    assert line_lab.service().pid == server.process.pid


def test_port_0_takes_a_free_port_and_one_in_use_is_refused() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert port > 0
        with pytest.raises(UnavailableError, match=str(port)):
            listen("127.0.0.1", port)


def test_a_stopped_servers_port_is_free_again(line_lab: Any) -> None:
    server = line_lab.start()
    assert server.stop() == 0
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", server.port)):
        pass
    with listen("127.0.0.1", server.port) as listener:
        assert listener.getsockname()[1] == server.port


def test_a_workspace_without_models_is_served(lab: Any) -> None:
    server = lab.start()
    response = server.predict("flights", ROW)
    assert response.status_code == 404
    assert response.json()["hint"] == "no model is registered yet"
    assert server.stop() == 0


def test_it_goes_on_answering_while_the_metadata_is_locked(line_lab: Any) -> None:
    server = line_lab.start()
    with line_lab.database.write():
        line_lab.wait_until(lambda: any("heartbeat" in text for text in server.problems()))
        assert server.version_of("line") == 1
    line_lab.wait_until(lambda: not server.problems())


def test_a_place_that_is_no_workspace_is_not_found() -> None:
    command = [sys.executable, "-m", "quarterdeck.scheduler.serving", "--workspace", os.devnull]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "quarterdeck init" in done.stderr
