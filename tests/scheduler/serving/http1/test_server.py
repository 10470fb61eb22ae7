"""The server: how many it lets in, how it ends, and on what it listens."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from quarterdeck.scheduler.serving.http1 import server
from quarterdeck.scheduler.serving.limits import Limits

HOST = b"host: x\r\n"
GET = b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n"
LATER = GET.replace(b"/a", b"/later")


def waits(house: Any) -> None:
    deadline = time.monotonic() + 10
    while not house.app.waiting:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_answers_are_sent_at_once(house: Any) -> None:
    """Nagle's algorithm with delayed acknowledgements would cost 40 ms each."""
    before = set(house.connections())
    with house.connect() as client:
        client.sendall(GET)
        client.recv(1_000)
        (mine,) = set(house.connections()) - before
        held = mine._transport.get_extra_info("socket")
        assert held.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_one_connection_more_than_the_limit_waits_until_another_is_closed(make_house: Any, raw: Any) -> None:
    house = make_house(Limits(connections=2))
    first, second = house.connect(), house.connect()
    for client in (first, second):
        client.sendall(GET)
        assert raw.answer(client)[0] == 200
    with house.connect() as third:
        third.sendall(GET)
        third.settimeout(0.2)
        with pytest.raises(TimeoutError):
            third.recv(1)
        third.settimeout(10)
        first.close()
        assert raw.answer(third)[0] == 200
    second.close()


def test_it_listens_on_ipv6_as_well(make_house: Any, raw: Any) -> None:
    with make_house(host="::1").connect() as client:
        client.sendall(GET)
        assert raw.answer(client)[0] == 200


def test_the_date_of_answers_is_the_clocks(make_house: Any, raw: Any) -> None:
    now = [784_111_777.0]
    house = make_house(Limits(header_seconds=30, body_seconds=0.1), clock=lambda: now[0])
    with house.connect() as client:
        client.sendall(GET)
        assert raw.answer(client)[1]["date"] == "Sun, 06 Nov 1994 08:49:37 GMT"
        now[0] += 60
        deadline = time.monotonic() + 10
        date = ""
        while date != "Sun, 06 Nov 1994 08:50:37 GMT":
            assert time.monotonic() < deadline, date
            client.sendall(GET)
            date = raw.answer(client)[1]["date"]


def test_what_is_being_answered_when_it_stops_is_answered_and_the_connection_closed(make_house: Any, raw: Any) -> None:
    house = make_house()
    with house.connect() as busy, house.connect() as idle, house.connect() as half:
        busy.sendall(LATER + GET)
        half.sendall(b"POST /p HTTP/1.1\r\n" + HOST + b"content-length: 5\r\n\r\nhel")
        idle.sendall(GET)
        assert raw.answer(idle)[0] == 200
        waits(house)
        house.stop()
        assert idle.recv(1) == b""
        half.sendall(b"lo")
        assert raw.to_end(half).startswith(b"HTTP/1.1 200 OK\r\n")
        house.release()
        said = raw.to_end(busy)
        assert said.startswith(b"HTTP/1.1 200 OK\r\n") and b"connection: close\r\n" in said
    house.close()
    with pytest.raises(ConnectionRefusedError):
        house.connect()


def test_a_connection_that_was_made_before_it_stopped_is_answered(make_house: Any, raw: Any) -> None:
    house = make_house()

    def connect_and_stop() -> socket.socket:
        """In the loop's own thread, so that the server cannot have accepted it."""
        client = socket.create_connection(house.address, timeout=10)
        client.sendall(GET)
        house.server.stop()
        return client

    with house.do(connect_and_stop) as client:
        status, headers, _ = raw.answer(client)
        assert (status, headers["connection"]) == (200, "close")
    house.close()


def test_what_never_ends_does_not_keep_it_from_stopping(make_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STOP_S", 0.2)
    house = make_house()
    with house.connect() as client:
        client.sendall(LATER)
        waits(house)
        house.stop()
        assert client.recv(1) == b""
    house.close()
