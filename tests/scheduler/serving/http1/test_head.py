"""Heads of requests: what they say, and everything that two readers could understand differently refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.serving.http1.head import KEPT_HEADS, MOST_FIELDS, Head, HeadReader, Heads

FIRST = b"POST /a HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def read(*parts: bytes) -> Head:
    reader = HeadReader()
    for part in parts:
        reader.feed(part)
    return reader.head(b"".join(parts).split(b"\r\n")[0])


def refusal(*parts: bytes) -> QuarterdeckError:
    with pytest.raises(QuarterdeckError) as caught:
        read(*parts)
    return caught.value


def test_a_head_says_what_is_asked_and_how_long_the_body_is() -> None:
    head = read(FIRST + HOST + b"Content-Type:  application/json \r\nContent-Length: 12\r\n\r\n")
    assert (head.method, head.path, head.query_string, head.length, head.chunked) == ("POST", "/a", "", 12, False)
    assert head.headers == {"host": "x", "content-type": "application/json", "content-length": "12"}
    assert head.keep_alive and head.ordinary and not head.continues


def test_fields_sent_twice_are_joined() -> None:
    assert read(FIRST + HOST + b"X: a\r\nx: b\r\n\r\n").headers["x"] == "a, b"


def test_values_may_hold_any_byte_that_is_no_control_character() -> None:
    assert read(FIRST + HOST + b"X: \xff\xe9\t!\r\n\r\n").headers["x"] == "\xff\xe9\t!"


@pytest.mark.parametrize(
    ("version", "connection", "stays"),
    [
        ("1.1", None, True),
        ("1.1", "close", False),
        ("1.1", "Close", False),
        ("1.1", "x, close", False),
        ("1.1", "keep-alive", True),
        ("1.1", "upgrade", False),
        ("1.0", None, False),
        ("1.0", "keep-alive", True),
        ("1.0", "keep-alive, close", False),
    ],
)
def test_whether_the_connection_stays(version: str, connection: str | None, stays: bool) -> None:
    line = b"" if connection is None else f"Connection: {connection}\r\n".encode()
    assert read(f"GET / HTTP/{version}\r\n".encode() + HOST + line + b"\r\n").keep_alive is stays


def test_an_offer_to_speak_something_else_is_not_taken() -> None:
    head = read(b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert head.path == "/" and not head.keep_alive


WRONG = {
    "a bare line feed after the first line": b"GET / HTTP/1.1\n" + HOST + b"\r\n",
    "a bare line feed after a field": FIRST + b"Host: x\n\r\n",
    "a bare carriage return": FIRST + b"Host: x\rA: b\r\n\r\n",
    "a folded field": FIRST + b"Host: x\r\n y\r\n\r\n",
    "a space before the colon": FIRST + b"Host : x\r\n\r\n",
    "a space before the first field": FIRST + b" Host: x\r\n\r\n",
    "a field without a colon": FIRST + HOST + b"A\r\n\r\n",
    "a field without a name": FIRST + HOST + b": a\r\n\r\n",
    "a name that is not ASCII": FIRST + HOST + b"A\xe9: b\r\n\r\n",
    "a NUL in a value": FIRST + b"Host: x\0y\r\n\r\n",
    "a control character in a value": FIRST + b"Host: x\x01\r\n\r\n",
    "a NUL in the address": b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tab in the address": b"GET /\ta HTTP/1.1\r\n" + HOST + b"\r\n",
    "a byte in the address that is not ASCII": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "a space in the address": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a space behind the address": b"GET /  HTTP/1.1\r\n" + HOST + b"\r\n",
    "a space behind the version": b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n",
    "no version": b"GET /\r\n\r\n",
    "HTTP/0.9": b"GET / HTTP/0.9\r\n" + HOST + b"\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\n",
    "another protocol": b"GET / ICE/1.0\r\n" + HOST + b"\r\n",
    "an unknown method": b"FOO / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method in lower case": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "no host": FIRST + b"\r\n",
    "two hosts": FIRST + HOST + HOST + b"\r\n",
    "two different hosts": FIRST + HOST + b"hOST: y\r\n\r\n",
    "two hosts in HTTP/1.0": b"GET / HTTP/1.0\r\n" + HOST + HOST + b"\r\n",
    "a host that is none": FIRST + b"Host: x/y\r\n\r\n",
    "a host with a space": FIRST + b"Host: x y\r\n\r\n",
    "two lengths": FIRST + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "the same length twice": FIRST + HOST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
    "a list of lengths": FIRST + HOST + b"Content-Length: 5, 5\r\n\r\n",
    "a length with a sign": FIRST + HOST + b"Content-Length: +5\r\n\r\n",
    "a negative length": FIRST + HOST + b"Content-Length: -5\r\n\r\n",
    "a hexadecimal length": FIRST + HOST + b"Content-Length: 0x5\r\n\r\n",
    "an empty length": FIRST + HOST + b"Content-Length:\r\n\r\n",
    "a length that is too long": FIRST + HOST + b"Content-Length: 18446744073709551615\r\n\r\n",
    "a length and chunks": FIRST + HOST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n",
    "chunks and a length": FIRST + HOST + CHUNKED + b"Content-Length: 5\r\n\r\n",
    "chunks twice": FIRST + HOST + CHUNKED + CHUNKED + b"\r\n",
    "chunks that are compressed": FIRST + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "chunks and then something else": FIRST + HOST + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "no chunks": FIRST + HOST + b"Transfer-Encoding: identity\r\n\r\n",
    "nearly chunks": FIRST + HOST + b"Transfer-Encoding: xchunked\r\n\r\n",
    "chunks behind a vertical tab": FIRST + HOST + b"Transfer-Encoding: \x0bchunked\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n",
}


@pytest.mark.parametrize("sent", WRONG.values(), ids=WRONG.keys())
def test_what_could_be_understood_in_two_ways_is_refused(sent: bytes) -> None:
    assert refusal(sent).http_status == 400
    pieces = [bytes([byte]) for byte in sent]
    assert refusal(*pieces).http_status == 400  # also where it comes byte by byte


def test_too_many_fields_are_refused() -> None:
    assert refusal(FIRST + HOST + b"a: b\r\n" * MOST_FIELDS + b"\r\n").http_status == 431
    assert read(FIRST + HOST + b"a: b\r\n" * (MOST_FIELDS - 1) + b"\r\n").path == "/a"


def test_nothing_but_a_go_ahead_can_be_expected() -> None:
    assert refusal(FIRST + HOST + b"Expect: a miracle\r\n\r\n").http_status == 417
    assert read(FIRST + HOST + b"Expect: 100-Continue\r\n\r\n").continues


names = st.text("abcdefXYZ-", min_size=1, max_size=8)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)


@given(st.lists(st.tuples(names, values), max_size=5), st.data())
def test_a_head_cut_anywhere_says_the_same(fields: list[tuple[str, str]], data: st.DataObject) -> None:
    known = {"host", "expect", "connection"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields if name.lower() not in known)
    sent = FIRST + HOST + lines.encode() + b"\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=4)))
    pieces = [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    whole, cut = read(sent), read(*(piece for piece in pieces if piece))
    assert all(getattr(whole, name) == getattr(cut, name) for name in Head.__slots__)


def test_heads_that_were_read_are_found_by_their_bytes_and_are_never_too_many() -> None:
    heads, head = Heads(), read(FIRST + HOST + b"\r\n")
    heads.keep(b"a", head)
    assert heads.get(b"a") is head
    heads.keep(b"b" * 10_000, head)
    assert heads.get(b"b" * 10_000) is None
    for number in range(KEPT_HEADS * 3):
        heads.keep(str(number).encode(), head)
    assert sum(heads.get(str(number).encode()) is not None for number in range(KEPT_HEADS * 3)) <= KEPT_HEADS
