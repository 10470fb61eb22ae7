"""One client's connection, through real sockets: what it may send, in which order, and what it is told otherwise."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck.scheduler.serving.http1.connection import AHEAD, Connection
from quarterdeck.scheduler.serving.http1.head import MOST_BYTES
from quarterdeck.scheduler.serving.http1.responses import Responses
from quarterdeck.scheduler.serving.http1.shared import Shared
from quarterdeck.scheduler.serving.limits import DEFAULT, Limits

HOST = b"host: x\r\n"
GET = b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n"
CLOSE = b"GET /end HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n"
CHUNKED = b"POST /c HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n"


def post(body: bytes, *lines: bytes, path: bytes = b"/p") -> bytes:
    more = b"".join(line + b"\r\n" for line in lines)
    return b"POST %b HTTP/1.1\r\n%b%bcontent-length: %d\r\n\r\n%b" % (path, HOST, more, len(body), body)


def bodies(said: bytes) -> list[list[str]]:
    """What the application was asked, from the answers."""
    return [json.loads(part[: part.index(b"]") + 1]) for part in said.split(b"\r\n\r\n")[1:]]


@pytest.fixture
def client(house: Any) -> Iterator[socket.socket]:
    with house.connect() as client:
        yield client


def test_a_request_is_answered_and_the_connection_stays(client: socket.socket, raw: Any) -> None:
    for body in (b"one", b"", b"three"):
        client.sendall(post(body))
        status, headers, said = raw.answer(client)
        assert (status, json.loads(said)) == (200, ["POST", "/p", "", body.decode()])
        assert headers.keys() == {"content-type", "date", "content-length"}  # and no server with its version


def test_head_is_answered_without_the_body(client: socket.socket, raw: Any) -> None:
    client.sendall(GET.replace(b"GET", b"HEAD") + CLOSE)
    first, _, rest = raw.to_end(client).partition(b"\r\n\r\n")
    assert b"content-length: 22" in first and rest.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_client_that_wants_to_close_is_told_that_it_is_closed(client: socket.socket, raw: Any) -> None:
    client.sendall(CLOSE)
    assert b"connection: close\r\n" in raw.to_end(client)


def test_http_1_0_is_closed_unless_it_asks_otherwise(house: Any, raw: Any) -> None:
    with house.connect() as client:
        client.sendall(b"GET /a HTTP/1.0\r\n\r\n")
        assert b"connection: close\r\n" in raw.to_end(client)
    with house.connect() as client:
        for _ in range(2):
            client.sendall(b"GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
            assert raw.answer(client)[1]["connection"] == "keep-alive"


def test_an_offer_to_speak_something_else_is_answered_in_http_and_closed(client: socket.socket, raw: Any) -> None:
    client.sendall(GET[:-2] + b"connection: Upgrade\r\nupgrade: websocket\r\n\r\n")
    said = raw.to_end(client)
    assert said.startswith(b"HTTP/1.1 200 ") and b"connection: close\r\n" in said


def test_lines_before_a_request_are_passed_over(client: socket.socket, raw: Any) -> None:
    client.sendall(b"\r\n\r\n" + GET)
    assert raw.answer(client)[0] == 200
    client.sendall(b"\r\n")
    client.sendall(GET)
    assert raw.answer(client)[0] == 200


# bodies


def test_a_body_in_chunks_is_read_and_the_next_request_found_behind_it(client: socket.socket, raw: Any) -> None:
    client.sendall(CHUNKED + b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX: y\r\n\r\n" + CLOSE)
    assert [asked[3] for asked in bodies(raw.to_end(client))] == ["hello", ""]


def test_a_go_ahead_is_given_to_who_asks_for_it(client: socket.socket, raw: Any) -> None:
    client.sendall(post(b"hello", b"expect: 100-continue")[:-5])
    assert client.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"hello")
    assert json.loads(raw.answer(client)[2])[3] == "hello"


def test_no_go_ahead_is_given_to_who_is_refused(client: socket.socket, raw: Any) -> None:
    client.sendall(post(b"hello", b"expect: 100-continue", path=b"/closed")[:-5])
    assert raw.to_end(client).startswith(b"HTTP/1.1 401 ")  # closed: nobody knows whether the body comes


def test_what_is_refused_unread_is_thrown_away_where_it_is_short(client: socket.socket, raw: Any) -> None:
    sent = post(b"x" * 50_000, path=b"/closed")
    client.sendall(sent[:1_000])
    assert raw.answer(client)[0] == 401  # before the body has come
    client.sendall(sent[1_000:] + GET)
    assert json.loads(raw.answer(client)[2])[1] == "/a"


@pytest.mark.parametrize(
    "sent", [post(b"x" * 5_000_000), CHUNKED + b"4c4b40\r\n" + b"x" * 5_000_000 + b"\r\n0\r\n\r\n"]
)
def test_a_body_that_is_too_large_is_refused_so_that_its_sender_hears_it(
    client: socket.socket, raw: Any, sent: bytes
) -> None:
    client.sendall(sent)  # all of it: a client may read only then
    said = raw.to_end(client)
    assert said.startswith(b"HTTP/1.1 413 ") and b"connection: close\r\n" in said


def test_half_a_body_is_a_mistake_of_the_client(house: Any, raw: Any) -> None:
    for half in (post(b"hello")[:-2], CHUNKED + b"5\r\nhel", GET[:-4], b"G"):
        with house.connect() as client:
            client.sendall(half)
            client.shutdown(socket.SHUT_WR)
            said = raw.to_end(client)
            assert said.startswith(b"HTTP/1.1 400 ") and b"the request ended before its" in said


def test_a_client_that_sends_nothing_more_is_still_answered(house: Any, client: socket.socket, raw: Any) -> None:
    client.sendall(GET.replace(b"/a", b"/later") + GET)
    client.shutdown(socket.SHUT_WR)
    wait_for(lambda: house.app.waiting)
    house.release()
    assert [asked[1] for asked in bodies(raw.to_end(client))] == ["/later", "/a"]


def wait_for(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 10
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return found


# requests sent ahead


def test_requests_sent_ahead_are_answered_in_their_order(house: Any, client: socket.socket, raw: Any) -> None:
    paths = [b"/later" if number % 3 == 0 else b"/%d" % number for number in range(10)]
    client.sendall(b"".join(GET.replace(b"/a", path) for path in paths) + CLOSE)
    for _ in range(4):  # each waits for the one before it
        wait_for(lambda: house.app.waiting)
        house.release()
    assert [asked[1].encode() for asked in bodies(raw.to_end(client))] == [*paths, b"/end"]


def test_thousands_of_requests_in_one_go_are_answered(client: socket.socket, raw: Any) -> None:
    client.sendall(GET * 3_000 + CLOSE)
    assert raw.to_end(client).count(b"HTTP/1.1 200 OK\r\n") == 3_001


def test_a_client_that_sends_much_ahead_is_not_read_until_it_was_answered(house: Any, raw: Any) -> None:
    before = set(house.connections())
    ahead = post(b"x" * 20_000)
    with house.connect() as client:
        client.sendall(GET.replace(b"/a", b"/later"))
        wait_for(lambda: house.app.waiting)
        client.settimeout(0.5)
        sent = 0
        with pytest.raises(TimeoutError):
            while True:
                sent += client.send(ahead[sent % len(ahead) :])
        (mine,) = set(house.connections()) - before
        assert len(mine._buffer) <= AHEAD + 256 * 1024  # what one read may give
        client.settimeout(10)
        house.release()
        seen, data = 0, b""
        while seen < 1 + sent // len(ahead):
            data = data[-16:] + client.recv(65_536)
            seen += data.count(b"HTTP/1.1 200 OK\r\n")


# what is refused


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"hello",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0" * 100,
        b"GET / HTTP/1.1\n\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /%ff HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"x: " + b"y" * MOST_BYTES + b"\r\n\r\n",
        b"GET /" + b"y" * MOST_BYTES,
        b"GET / HTTP/1.1\r\n" + HOST + b"x: y\r\n" * 200 + b"\r\n",
    ],
)
def test_what_is_no_request_is_told_so_in_json_and_nothing_behind_it_is_taken_for_one(
    house: Any, client: socket.socket, raw: Any, sent: bytes
) -> None:
    before, refused = house.app.requests, len(house.app.refusals)
    client.sendall(sent + GET * 3)
    said = raw.to_end(client)
    assert said.startswith(b"HTTP/1.1 4") and said.count(b"\r\ncontent-length: ") == 1
    assert b"connection: close\r\n" in said
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]
    assert (house.app.requests, len(house.app.refusals)) == (before, refused + 1)


def test_a_second_request_cannot_be_hidden_in_the_body_of_the_first(client: socket.socket, raw: Any) -> None:
    hidden = GET.replace(b"/a", b"/hidden")
    client.sendall(
        post(hidden) + post(b"0\r\n\r\n" + hidden) + CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden)
    )
    client.sendall(CLOSE)
    assert [asked[1] for asked in bodies(raw.to_end(client))] == ["/p", "/p", "/c", "/end"]


pieces = st.sampled_from(
    [GET, CLOSE, CHUNKED, HOST, b"\r\n", b"\n", b"\0", b" ", b":", b"0\r\n\r\n", b"5\r\nhello\r\n", post(b"hello"),
     b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n", b"GET ", b"/ HTTP/1.1\r\n",
     b"expect: 100-continue\r\n"]
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.lists(pieces | st.binary(max_size=5), max_size=8).map(b"".join))
def test_whatever_is_sent_gets_no_5xx_and_the_server_goes_on(house: Any, raw: Any, sent: bytes) -> None:
    with house.connect() as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        said = raw.to_end(client)
    assert said.count(b"HTTP/1.1 5") == 0
    assert not said or said.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4", b"HTTP/1.1 100 "))
    with house.connect() as client:
        client.sendall(GET)
        assert raw.answer(client)[0] == 200


# cut anywhere: the kernel would put pieces together again, so these are fed to the protocol itself


class Written:
    """A transport that keeps what it was given."""

    def __init__(self) -> None:
        self.data = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.data += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_write_buffer_limits(self, *, high: int) -> None: ...


REQUESTS = [GET, post(b"hello"), post(b""), CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", CHUNKED + b"0\r\n\r\n", CLOSE,
            GET.replace(b"GET", b"HEAD"), b"\r\n" + GET, post(b"x" * 300), b"GET / HTTP/1.1\r\n\r\n"]  # fmt: skip


def answered(app: Any, parts: list[bytes]) -> bytes:
    written = Written()
    shared = Shared(app, DEFAULT, Responses(lambda: 0.0), lambda _: None)
    connection = Connection(shared)
    connection.connection_made(cast(Any, written))
    for part in parts:
        connection.data_received(part)
    return written.data


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=6), st.data())
def test_requests_cut_anywhere_are_answered_alike(house: Any, requests: list[bytes], data: st.DataObject) -> None:
    sent = b"".join(requests)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(sent) - 1), max_size=6)))
    parts = [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    whole = answered(house.app, [sent])
    assert answered(house.app, parts) == whole
    assert answered(house.app, [bytes([byte]) for byte in sent]) == whole


@pytest.mark.parametrize(("length", "status"), [(100_000, 200), (100_001, 413)])
def test_the_limit_of_a_body_is_met_to_the_byte(client: socket.socket, raw: Any, length: int, status: int) -> None:
    client.sendall(post(b"x" * length))
    assert raw.answer(client)[0] == status


def test_a_limit_that_one_read_can_exceed_holds_for_a_head_that_was_read_before(make_house: Any, raw: Any) -> None:
    house = make_house(Limits(body_bytes=4))
    for _ in range(3):
        with house.connect() as client:
            client.sendall(post(b"1234"))
            assert raw.answer(client)[0] == 200
            client.sendall(post(b"12345"))
            assert raw.answer(client)[0] == 413


# time


def test_a_client_that_is_gone_is_not_answered_and_nothing_breaks(house: Any, raw: Any) -> None:
    before = set(house.connections())
    with house.connect() as client:
        client.sendall(GET.replace(b"/a", b"/later"))
        wait_for(lambda: house.app.waiting)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not a goodbye
    wait_for(lambda: not set(house.connections()) - before)
    house.release()
    with house.connect() as other:
        other.sendall(GET)
        assert raw.answer(other)[0] == 200


SHORT = Limits(header_seconds=0.3, body_seconds=0.3, answer_seconds=0.3)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", b""),
        (b"GET / HT", b"HTTP/1.1 408 "),
        (post(b"hello")[:-1], b"HTTP/1.1 408 "),
        (CHUNKED + b"5\r\nhel", b"HTTP/1.1 408 "),
        (GET, b"HTTP/1.1 200 "),
    ],
)
def test_who_takes_too_long_is_given_up(make_house: Any, raw: Any, sent: bytes, said: bytes) -> None:
    with make_house(SHORT).connect() as client:
        began = time.monotonic()
        client.sendall(sent)
        assert raw.to_end(client).startswith(said)
        assert 0.2 < time.monotonic() - began < 5


def test_what_is_thrown_away_must_come_in_time_too(make_house: Any, raw: Any) -> None:
    with make_house(SHORT).connect() as client:
        client.sendall(post(b"x" * 1_000, path=b"/closed")[:-500])
        assert raw.to_end(client).startswith(b"HTTP/1.1 401 ")


def test_an_answer_may_take_longer_than_any_of_the_limits(make_house: Any, raw: Any) -> None:
    house = make_house(SHORT)
    with house.connect() as client, house.connect() as idle:
        client.sendall(GET.replace(b"/a", b"/later"))
        wait_for(lambda: house.app.waiting)
        assert idle.recv(1) == b""  # given up meanwhile
        house.release()
        assert raw.answer(client)[0] == 200


def test_a_client_that_takes_no_answer_loses_its_connection(make_house: Any) -> None:
    house = make_house(SHORT)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(house.address)
        client.sendall(GET.replace(b"/a", b"/large") * 3)
        wait_for(lambda: house.app.requests)
        wait_for(lambda: not house.connections())
        assert house.app.requests == 1  # the next one was not begun


def test_a_slow_client_gets_all_of_a_large_answer(make_house: Any, raw: Any) -> None:
    with make_house().connect() as client:
        client.sendall(GET.replace(b"/a", b"/large") + CLOSE)
        said = raw.to_end(client)
        assert len(said) > 20_000_000 and said.count(b"HTTP/1.1 200 OK\r\n") == 2
