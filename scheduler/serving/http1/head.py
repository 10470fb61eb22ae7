"""The head of a request: read by llhttp, which is strict, and by the rules that it leaves to us.

Bytes that were read before mean what they meant then: clients send the same head again and again, so those that are
short are kept, and found by their bytes.
"""

from __future__ import annotations

import re
from typing import Any

import httptools

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.serving.http import http_error
from quarterdeck.scheduler.serving.http1.target import read_target

MOST_BYTES = 32 * 1024
MOST_FIELDS = 100
KEPT_HEADS = 256
KEPT_BYTES = 2 * 1024  # a longer head is read each time
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%\[\]-]*")
_VERSIONS = ("1.1", "1.0")


class Head:
    """What a request says about itself. One object serves all requests whose heads are the same bytes."""

    __slots__ = (
        "chunked", "continues", "headers", "keep_alive", "length", "method", "note", "ordinary", "path", "query_string",
        "version",
    )  # fmt: skip

    def __init__(self, method: str, path: str, query_string: str, headers: dict[str, str], version: str) -> None:
        """`headers`: by names in lower case; what was sent twice, joined by commas."""
        self.method = method
        self.path = path
        self.query_string = query_string
        self.headers = headers
        self.version = version
        self.length = int(headers.get("content-length", 0))  # of the body, in bytes; 0 also where it is chunked
        self.chunked = "transfer-encoding" in headers
        self.continues = version == "1.1" and "expect" in headers  # its body comes once it is told that it may
        wishes = {wish.strip().lower() for wish in headers.get("connection", "").split(",")}
        alive = version == "1.1" or "keep-alive" in wishes
        # what follows an offer to speak something else may be that already
        self.keep_alive = alive and not {"close", "upgrade"} & wishes
        self.ordinary = self.keep_alive and version == "1.1" and method != "HEAD"
        self.note: Any = None  # the application's own: what it makes of every request with this head


class HeadReader:
    """Reads one head, whole or in pieces. What is wrong is raised as soon as it has come, with status 400 or 431."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._fields: list[tuple[str, str]] = []
        self._done = False

    def feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # nothing else is spoken here: the request is answered as if it had not offered it
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError as error:
            raise http_error(400, f"this is no HTTP request: {error}", "HTTP/1.1 is spoken here") from None

    def head(self, line: bytes) -> Head:
        """Once all of it was fed; `line` is its first one."""
        version = self._parser.get_http_version()
        if not self._done or version not in _VERSIONS or line.count(b" ") != 2:
            raise http_error(400, "this is no HTTP request: expected METHOD ADDRESS HTTP/1.1", "see RFC 9112")
        method = self._parser.get_method().decode("ascii")
        headers = self._headers(version)
        path, query = read_target(method, self._target)
        return Head(method, path, query, headers, version)

    def _headers(self, version: str) -> dict[str, str]:
        headers: dict[str, str] = {}
        for name, value in self._fields:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        _check_host([value for name, value in self._fields if name == "host"], version)
        _check_framing(headers, version)
        if headers.get("expect", "100-continue").lower() != "100-continue":
            raise http_error(417, f"{headers['expect'][:100]!r} cannot be expected here", "there is 100-continue")
        return headers

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self._fields) >= MOST_FIELDS:
            raise http_error(431, f"the request has more than {MOST_FIELDS} header fields", "send fewer")
        self._fields.append((name.decode("ascii").lower(), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        self._done = True


class Heads:
    """The heads that were read, by their bytes. get() belongs to the path of every request."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}
        self.get = self._known.get

    def keep(self, data: bytes, head: Head) -> None:
        if len(data) > KEPT_BYTES or head.chunked or head.continues:
            return
        if len(self._known) >= KEPT_HEADS:
            self._known.clear()  # whoever still asks is read once more
        self._known[data] = head


def too_long() -> QuarterdeckError:
    return http_error(431, f"the head of the request is longer than {MOST_BYTES // 1024} KiB", "send fewer headers")


def _check_host(hosts: list[str], version: str) -> None:
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        found = "none" if not hosts else str(len(hosts))
        raise http_error(400, f"expected one Host header, found {found}", "send Host: NAME with the request")
    if hosts and _HOST.fullmatch(hosts[0]) is None:
        raise http_error(400, f"{hosts[0][:100]!r} is no host", "send Host: NAME with the request")


def _check_framing(headers: dict[str, str], version: str) -> None:
    """Where a body ends must be said once, in one way: servers and proxies that differ in it can be played off."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None and (coding.lower() != "chunked" or length is not None or version != "1.1"):
        hint = "send Content-Length, or in HTTP/1.1 Transfer-Encoding: chunked"
        raise http_error(400, f"Transfer-Encoding {coding[:100]!r} is not read here", hint)
    if length is not None and not (length.isascii() and length.isdigit() and len(length) < 20):
        raise http_error(400, f"Content-Length {length[:100]!r} is no length", "send the body's bytes as one number")
