"""Clients that are slow, many, or odd: each within its limits, and the others are answered meanwhile."""

from __future__ import annotations

import resource
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from quarterdeck.scheduler.reaching import trusting

ROW = {"a": 1.0, "b": 2.0}
BODY = b'{"a": 1.0, "b": 2.0}'
HEAD = b"POST /predict/line HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
LENGTH = b"content-length: %d\r\n" % len(BODY)
WHOLE = HEAD + LENGTH + b"\r\n" + BODY
PATIENCE_S = 10.0
LIMITS = """\
header_seconds = 1
body_seconds = 1
answer_seconds = 1
body_bytes = 2000
body_rows = 20
json_depth = 5
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, make_lab: Callable[[Path], Any]) -> Iterator[Any]:
    lab = make_lab(tmp_path_factory.mktemp("slow") / "lab")
    lab.add_onnx("line", lab.line_model(1.0))
    lab.promote("line", 1)
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def server(lab: Any) -> Any:
    lab.configure(LIMITS)
    return lab.start()


@pytest.fixture
def connect(server: Any) -> Iterator[Callable[[], socket.socket]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S))


def read_to_end(connection: socket.socket) -> bytes:
    """What the server says until it closes."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def drip(connection: socket.socket, data: bytes, pause: float) -> float:
    """Send a byte each `pause` until the server answers or closes; the seconds that it took."""
    began = time.monotonic()
    for byte in data:
        readable, _, _ = select.select([connection], [], [], pause)
        if readable:
            break
        try:
            connection.send(bytes([byte]))
        except (BrokenPipeError, ConnectionResetError):
            break
    return time.monotonic() - began


def answers(server: Any) -> None:
    """The server answers another client at once, on a connection of its own: an idle one may just be closed."""
    began = time.monotonic()
    with httpx.Client(base_url=server.client.base_url, verify=server.verify) as client:
        assert client.post("/predict/line", json=ROW).status_code == 200
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("sent", [b"", b"POST /pre", HEAD], ids=["nothing", "half a line", "half a head"])
def test_a_head_that_does_not_arrive_ends_the_connection(server: Any, connect: Any, sent: bytes) -> None:
    connection = connect()
    connection.sendall(sent)
    answers(server)
    began = time.monotonic()
    said = read_to_end(connection)
    assert time.monotonic() - began < 5.0
    assert not said or said.startswith(b"HTTP/1.1 4")


def test_a_head_of_one_byte_at_a_time_ends_after_the_same_time(server: Any, connect: Any) -> None:
    connection = connect()
    assert drip(connection, HEAD * 20, 0.05) < 5.0
    answers(server)


def test_a_body_of_one_byte_at_a_time_is_given_up_after_its_time(server: Any, connect: Any) -> None:
    connection = connect()
    connection.sendall(HEAD + b"content-length: 1000\r\n\r\n")
    assert drip(connection, b" " * 1000, 0.05) < 5.0
    assert connection.recv(1_000).startswith(b"HTTP/1.1 408 ")
    answers(server)


def test_a_body_in_pieces_that_never_ends_is_given_up_too(server: Any, connect: Any) -> None:
    connection = connect()
    connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    assert drip(connection, b"1\r\n \r\n" * 200, 0.05) < 5.0
    assert b"HTTP/1.1 408 " in connection.recv(1_000)


def test_an_idle_connection_is_kept_for_its_time_and_then_closed(server: Any, connect: Any) -> None:
    connection = connect()
    connection.sendall(WHOLE)
    assert connection.recv(10_000).startswith(b"HTTP/1.1 200 ")
    began = time.monotonic()
    assert connection.recv(10_000) == b""
    assert 0.5 < time.monotonic() - began < 5.0


def test_connection_close_is_followed(connect: Any) -> None:
    connection = connect()
    connection.sendall(HEAD + LENGTH + b"connection: close\r\n\r\n" + BODY)
    said = read_to_end(connection)
    assert said.startswith(b"HTTP/1.1 200 ") and b"connection: close" in said.lower()


def test_http_1_0_is_answered_and_closed(connect: Any) -> None:
    connection = connect()
    connection.sendall(WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert b" 200 " in read_to_end(connection).splitlines()[0]


def test_a_connection_is_kept_for_many_requests(server: Any, connect: Any) -> None:
    connection = connect()
    for _ in range(20):
        connection.sendall(WHOLE)
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200 ")


def test_requests_sent_ahead_are_answered_in_their_order(connect: Any) -> None:
    connection = connect()
    bodies = [b'{"a": %d, "b": 0}' % number for number in range(9)]
    requests = [HEAD + b"content-length: %d\r\n\r\n" % len(body) + body for body in bodies]
    connection.sendall(b"".join(requests[:-1]) + requests[-1].replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    said = read_to_end(connection)
    assert said.count(b"HTTP/1.1 200 ") == 9
    places = [said.index(b'"value":%d.0' % number) for number in range(9)]
    assert places == sorted(places)


def test_a_client_that_takes_no_answer_loses_its_connection(server: Any) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(0.5)
        connection.connect(("127.0.0.1", server.port))
        deadline = time.monotonic() + PATIENCE_S
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while time.monotonic() < deadline:  # asks and asks, and reads nothing
                try:
                    connection.sendall(WHOLE * 100)
                except TimeoutError:
                    answers(server)


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        HEAD + b"content-length: x\r\n\r\n",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 2_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"y" * 600_000 + b"\r\n\r\n",
        HEAD + b"authorization: Bearer \xff\xfe\x80\r\ncontent-length: 0\r\n\r\n",
        HEAD + b"authorization: " + b"x" * 20_000 + b"\r\ncontent-length: 0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 1_000,
    ],
)
def test_what_is_no_request_is_refused_and_hurts_nobody(server: Any, connect: Any, sent: bytes) -> None:
    connection = connect()
    try:
        connection.sendall(sent)
        said = read_to_end(connection)
    except (BrokenPipeError, ConnectionResetError):
        said = b""
    assert not said or said.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), said[:100]
    answers(server)


def test_every_limit_is_the_settings(server: Any) -> None:
    json_type = {"content-type": "application/json"}
    large = server.client.post("/predict/line", content=BODY + b" " * 2_000, headers=json_type)
    assert (large.status_code, large.json()["error"]) == (413, "the body is larger than 2,000 bytes")
    many = server.predict("line", [ROW] * 21)
    assert (many.status_code, many.json()["error"]) == (422, "the request has 21 rows, more than 20")
    assert server.predict("line", [ROW] * 20).status_code == 200
    for path in ("/predict/line", "/feedback"):
        deep = server.client.post(path, content=b'[{"a":[[[[1]]]]}]', headers=json_type)
        assert (deep.status_code, deep.json()["error"]) == (400, "the JSON is nested too deeply: deeper than 5")
        less = server.client.post(path, content=b'[{"a":[[[1]]]}]', headers=json_type)
        assert less.status_code in (207, 422)


def test_thousands_of_idle_connections_keep_nobody_from_being_answered(
    tmp_path: Path, make_lab: Callable[[Path], Any]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    idle = 3_000 if hard == resource.RLIM_INFINITY else min(3_000, hard - 600)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, idle + 500), hard))
    lab = make_lab(tmp_path / "lab")
    try:
        lab.add_onnx("line", lab.line_model(1.0))
        lab.promote("line", 1)
        lab.configure("header_seconds = 60")
        server = lab.start()
        with ExitStack() as stack:
            for _ in range(idle):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S))
            answers(server)
            with httpx.Client(base_url=server.client.base_url) as fresh:  # on a connection of its own
                began = time.monotonic()
                assert fresh.post("/predict/line", json=ROW).status_code == 200
                assert time.monotonic() - began < 1.0
    finally:
        lab.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_one_connection_more_than_the_limit_waits_until_another_is_closed(
    tmp_path: Path, make_lab: Callable[[Path], Any]
) -> None:
    lab = make_lab(tmp_path / "lab")
    try:
        lab.add_onnx("line", lab.line_model(1.0))
        lab.promote("line", 1)
        lab.configure("connections = 4\nheader_seconds = 30")
        server = lab.start()
        server.client.close()
        address = ("127.0.0.1", server.port)
        held = [socket.create_connection(address, timeout=PATIENCE_S) for _ in range(4)]
        for connection in held:
            connection.sendall(WHOLE)
            assert connection.recv(10_000).startswith(b"HTTP/1.1 200 ")
        with socket.create_connection(address, timeout=0.5) as waiting:
            waiting.sendall(WHOLE)
            with pytest.raises(TimeoutError):
                waiting.recv(10_000)
            held.pop().close()
            waiting.settimeout(PATIENCE_S)
            assert waiting.recv(10_000).startswith(b"HTTP/1.1 200 ")
        for connection in held:
            connection.close()
    finally:
        lab.close()


def test_a_handshake_that_does_not_come_ends_the_connection_and_delays_nobody(
    tmp_path: Path, make_lab: Callable[[Path], Any], make_certificate: Callable[..., str]
) -> None:
    lab = make_lab(tmp_path / "lab")
    try:
        lab.add_onnx("line", lab.line_model(1.0))
        lab.promote("line", 1)
        lab.configure(make_certificate(tmp_path) + "\nheader_seconds = 1")
        server = lab.start(verify=trusting(tmp_path / "own.pem"))
        with ExitStack() as stack:
            silent = [
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
                for _ in range(100)
            ]
            answers(server)
            assert read_to_end(silent[0]) == b""
            assert read_to_end(silent[-1]) == b""
    finally:
        lab.close()
