"""The bytes of answers. What is the same in most of them is written once a second, with the date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.utils import formatdate
from http import HTTPStatus

from quarterdeck.scheduler.serving.http import JSON, Reply

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BREAKS = str.maketrans("\r\n\0", "   ")
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Responses:
    """One object a server."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds since 1970."""
        self._clock = clock
        self._second = -1
        self._date = ""
        self._ordinary = b""
        self.tick()

    def tick(self) -> None:
        """Called at least once a second: the date of answers is as old as this."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._date = f"date: {formatdate(second, usegmt=True)}\r\n"
            self._ordinary = f"HTTP/1.1 200 OK\r\n{_lines(JSON)}{self._date}content-length: ".encode()

    def ordinary(self, body: bytes) -> bytes:
        """JSON with status 200, on a connection that stays."""
        return b"%b%d\r\n\r\n%b" % (self._ordinary, len(body), body)

    def whole(self, reply: Reply, *, connection: str | None, bodiless: bool = False) -> bytes:
        """Any answer; `connection` says what becomes of it, `bodiless` leaves the body out, as HEAD wants it."""
        status, body, headers = reply
        wish = "" if connection is None else f"connection: {connection}\r\n"
        start = f"HTTP/1.1 {status} {_REASONS.get(status, 'Other')}\r\n"
        head = f"{start}{_lines(headers)}{self._date}{wish}content-length: {len(body)}\r\n\r\n"
        data = head.encode("latin-1", "replace")
        return data if bodiless else data + body


def _lines(headers: Sequence[tuple[str, str]]) -> str:
    """A value cannot begin a line of its own, whatever is in it."""
    return "".join(f"{name}: {value.translate(_BREAKS)}\r\n" for name, value in headers)
