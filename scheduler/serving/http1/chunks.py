"""A body that comes in chunks, each with its size before it, because nobody knew its length.

Read to the letter of RFC 9112, section 7.1: what two readers could understand differently is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.serving.http import http_error

MOST_LINE = 256  # a size, and what may stand behind it
MOST_TRAILERS = 8 * 1024
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")
_LINE = b"\r\n"


class Chunks:
    """One body. What trailers say is not read; that they are trailers is checked."""

    def __init__(self, most: int, too_large: Callable[[], QuarterdeckError]) -> None:
        self._most = most
        self._too_large = too_large
        self._buffer = bytearray()
        self._body = bytearray()  # many small chunks cost no more than their bytes
        self._ended = False  # the last chunk was read, its trailers were not

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    def feed(self, data: bytes) -> bytes | None:
        """What stands behind the body, once that is whole; None before.

        Raises an error with status 400, 413 or 431.
        """
        self._buffer += data
        while not self._ended:
            if not self._take():
                return None
        return self._behind()

    def _take(self) -> bool:
        """One chunk, where it is whole."""
        buffer = self._buffer
        end = buffer.find(_LINE, 0, MOST_LINE)
        if end < 0:
            if len(buffer) >= MOST_LINE:
                raise _broken("a chunk's first line is too long")
            return False
        found = _SIZE.fullmatch(buffer, 0, end)
        if found is None:
            raise _broken(f"a chunk's size is {bytes(buffer[: min(end, 20)])!r}")
        size, start = int(found[1], 16), end + len(_LINE)
        del found  # a bytearray that is looked into cannot change its size
        if size == 0:
            self._ended = True
            del buffer[:end]  # the end of its line stays: with it, no trailers end as trailers do
            return True
        if len(self._body) + size > self._most:
            raise self._too_large()
        if len(buffer) < start + size + len(_LINE):
            return False
        if not buffer.startswith(_LINE, start + size):
            raise _broken("a chunk is longer than its size")
        self._body += buffer[start : start + size]
        del buffer[: start + size + len(_LINE)]
        return True

    def _behind(self) -> bytes | None:
        buffer = self._buffer
        end = buffer.find(_LINE * 2)
        if (len(buffer) if end < 0 else end) > MOST_TRAILERS:
            raise http_error(431, "the trailers of the body are too long", "send fewer")
        if end < 0:
            return None
        trailers = bytes(buffer[len(_LINE) : end])
        if trailers and not all(_TRAILER.fullmatch(line) for line in trailers.split(_LINE)):
            raise _broken("its trailers are no header fields")
        return bytes(buffer[end + 2 * len(_LINE) :])


def _broken(what: str) -> QuarterdeckError:
    return http_error(400, f"the chunked body is broken: {what}", "see RFC 9112, section 7.1")
