"""One client's connection: its requests one after the other, each answered before the next is read.

What a client sends ahead waits as bytes; where that is much, the connection is not read until it was answered. No
request sets a timer: the server looks at all connections several times a second (server.py), and each knows since when
it waits for what.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple, cast

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.serving.http import Reply, http_error, too_large
from quarterdeck.scheduler.serving.http1.chunks import Chunks
from quarterdeck.scheduler.serving.http1.head import MOST_BYTES, Head, HeadReader, too_long
from quarterdeck.scheduler.serving.http1.responses import CONTINUE
from quarterdeck.scheduler.serving.http1.shared import Shared

AHEAD = 64 * 1024  # bytes that a client may send ahead of its answers
TURN = 16  # requests of one connection that are begun before others get their turn
UNSENT = 4 * 1024  # bytes of answers that wait for the client, above which it is asked nothing more of
LINGER_S = 2.0  # for a refused client that still sends: closing at once could take the refusal from it
_END = b"\r\n\r\n"
_LINE = b"\r\n"


class _Body(NamedTuple):
    """One that has not all come."""

    admitted: Any
    chunks: Chunks | None
    begun: bytearray  # of one whose length is known; many small pieces cost no more than their bytes
    refused: bool = False  # answered already: it is read to find its end


class Connection(asyncio.Protocol):
    __slots__ = (
        "_app", "_body", "_buffer", "_ended", "_fed", "_get_head", "_head", "_idle", "_left", "_lingering",
        "_paused", "_pumping", "_reader", "_responses", "_shared", "_since", "_stuck", "_transport",
    )  # fmt: skip

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._app = shared.app
        self._responses = shared.responses
        self._get_head = shared.heads.get
        self._transport: asyncio.Transport | None = None
        self._since = shared.now
        self._idle = True  # nothing is read, waits or is answered: the next bytes begin a request
        self._buffer = b""  # not looked at yet, but for the part of a head that the reader was fed
        self._head: Head | None = None  # of the request that is read or answered
        self._body: _Body | None = None  # of the request that is read
        self._left = 0  # bytes of it that are missing, where its length is known
        self._reader: HeadReader | None = None  # of a head that has come in part
        self._fed = 0
        self._pumping = False
        self._paused = False  # not read, because of what it sent ahead
        self._stuck = False  # the client does not take its answers
        self._ended = False  # the client sends nothing more
        self._lingering = False  # answered for the last time: what comes is thrown away

    # what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=UNSENT)
        self._since = self._shared.now

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._idle, self._buffer, self._body = False, b"", None
        self._shared.gone(self)

    def data_received(self, data: bytes) -> None:
        if self._idle:
            end = data.find(_END) + 4
            head = self._get_head(data[:end])
            if head is not None and head.length == len(data) - end:
                self._idle = False
                self._head = head
                self._app.answer(self, head, data[end:], None)
                return
            self._idle = False
            self._since = self._shared.now  # of a head that comes in pieces
        self._buffer = self._buffer + data if self._buffer else data
        self._pump()

    def eof_received(self) -> bool:
        """True: the connection stays open for what is still to be said."""
        self._ended = True
        self._idle = False
        self._pump()
        transport = self._transport
        return transport is not None and not transport.is_closing() and transport.can_write_eof()  # TLS cannot

    def pause_writing(self) -> None:
        self._stuck = True
        self._idle = False
        self._since = self._shared.now

    def resume_writing(self) -> None:
        self._stuck = False
        self._since = self._shared.now
        self._pump()

    # what the application calls

    def json(self, body: bytes) -> None:
        """Answer the request with status 200."""
        head, transport = self._head, self._transport
        if transport is None or transport.is_closing():
            return
        if head is None or not head.ordinary or self._shared.stopping:
            self.reply(Reply(200, body))
            return
        transport.write(self._responses.ordinary(body))
        self._next()

    def reply(self, reply: Reply) -> None:
        """Answer the request."""
        head = self._head
        if head is not None:
            stays = head.keep_alive and not self._shared.stopping
            self._write(reply, head, stays=stays)
            self._next() if stays else self._close()

    # what the server calls

    def look(self, now: float) -> None:
        """Give up what has taken too long."""
        waited, limits, transport = now - self._since, self._shared.limits, self._transport
        if transport is None:
            return
        if self._stuck or transport.is_closing():
            if waited > limits.answer_seconds:
                self.abort()
        elif self._lingering:
            if waited > LINGER_S:
                self.abort()
        elif self._body is not None:
            if waited > limits.body_seconds:
                self._refuse(http_error(408, f"the body did not arrive within {limits.body_seconds:g} s"))
        elif self._head is None and waited > limits.header_seconds:
            if self._buffer:
                self._refuse(http_error(408, f"the request's head did not arrive within {limits.header_seconds:g} s"))
            else:
                self._close()

    def close_if_idle(self) -> None:
        if self._head is None and not self._buffer:
            self._close()

    def abort(self) -> None:
        transport, self._transport = self._transport, None
        self._idle = False
        if transport is not None:
            transport.abort()

    # reading

    def _pump(self) -> None:
        """Take what has come, as far as it can be taken now."""
        if self._pumping:
            return
        self._pumping = True
        try:
            turns = 0
            while self._step():
                turns += 1
                if turns == TURN and self._buffer:
                    asyncio.get_running_loop().call_soon(self._pump)
                    break
        finally:
            self._pumping = False
        self._rest()

    def _rest(self) -> None:
        """After what could be taken was: may the connection be read, and how does it go on?"""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._paused != (len(self._buffer) > AHEAD):
            self._paused = not self._paused
            (transport.pause_reading if self._paused else transport.resume_reading)()
        self._idle = not (self._buffer or self._stuck or self._ended or self._lingering or self._head is not None)

    def _step(self) -> bool:
        """One head, or as much of a body as has come. False: something else must happen first."""
        if self._transport is None or self._lingering:
            self._buffer = b""
            if self._ended:
                self._close()
            return False
        try:
            if self._body is not None:
                return self._take_body(self._body)
            return self._head is None and not self._stuck and self._take_head()
        except QuarterdeckError as error:
            self._refuse(error)
            return False

    def _take_head(self) -> bool:
        buffer = self._buffer
        while self._reader is None and buffer.startswith(_LINE):  # some clients end a body with a line of their own
            buffer = self._buffer = buffer[2:]
        end = buffer.find(_END, max(0, self._fed - 3)) + 4
        if end < 4:
            self._part_of_head(buffer)
            return False
        if end > MOST_BYTES:
            raise too_long()
        head = self._get_head(buffer[:end])
        if head is None:
            reader = self._reader or HeadReader()
            reader.feed(buffer[self._fed : end])
            head = reader.head(buffer[: buffer.index(_LINE)])
            if head.length <= self._shared.limits.body_bytes:  # what is found again is not looked at again
                self._shared.heads.keep(buffer[:end], head)
        self._reader, self._fed = None, 0
        self._buffer = buffer[end:]
        self._begin(head)
        return True

    def _part_of_head(self, buffer: bytes) -> None:
        """Look at it already: what cannot become a request is refused before its time is over."""
        if len(buffer) > MOST_BYTES:
            raise too_long()
        if self._ended:
            if not buffer:
                self._close()
                return
            raise http_error(400, "the request ended before its head did", "send all of it")
        if buffer and buffer != _LINE[:1]:  # which may end a line that is passed over
            self._reader = self._reader or HeadReader()
            self._reader.feed(buffer[self._fed :])
            self._fed = len(buffer)

    def _begin(self, head: Head) -> None:
        self._head = head
        buffer, most = self._buffer, self._shared.limits.body_bytes
        if not head.chunked and head.length <= min(len(buffer), most):
            self._buffer = buffer[head.length :]
            self._app.answer(self, head, buffer[: head.length], None)
            return
        self._left, self._since = head.length, self._shared.now
        admitted = self._app.admit(head)
        if head.length > most:
            raise too_large(most)
        chunks = Chunks(most, lambda: too_large(most)) if head.chunked else None
        self._body = _Body(admitted, chunks, bytearray())
        if head.continues and not buffer and self._transport is not None:
            self._transport.write(CONTINUE)

    def _take_body(self, body: _Body) -> bool:
        buffer, head = self._buffer, self._head
        if not buffer:
            if self._ended:
                raise http_error(400, "the request ended before its body did", "send all that was announced")
            return False
        if body.chunks is not None:
            behind = body.chunks.feed(buffer)
            self._buffer = behind or b""
            if behind is None:
                return bool(self._ended)  # once more, to say so
            whole = body.chunks.body
        else:
            whole = buffer[: self._left]
            self._buffer = buffer[self._left :]
            self._left -= len(whole)
            if self._left or body.begun:
                body.begun.extend(b"" if body.refused else whole)
            if self._left:
                return bool(self._ended)
            whole = bytes(body.begun) or whole
        self._body = None
        assert head is not None  # a body belongs to one
        if body.refused:
            self._next()
        else:
            self._app.answer(self, head, whole, body.admitted)
        return True

    # answering

    def _write(self, reply: Reply, head: Head | None, *, stays: bool) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        wish = "close" if not stays else None if head is None or head.version == "1.1" else "keep-alive"
        bodiless = head is not None and head.method == "HEAD"
        transport.write(self._responses.whole(reply, connection=wish, bodiless=bodiless))

    def _next(self) -> None:
        """The request is answered."""
        self._head = None
        self._since = self._shared.now
        if self._buffer or self._stuck or self._ended or self._paused:
            self._pump()
        elif not self._pumping:
            self._idle = True

    def _refuse(self, error: QuarterdeckError) -> None:
        """Answer what cannot be read to its end. Where the rest of a body is short enough to be thrown away, the
        connection goes on behind it; otherwise nobody knows where the next request begins.
        """
        head, body = self._head, self._body
        if body is not None and body.refused:
            self._close()
            return
        goes_on = (
            head is not None and body is None and head.keep_alive and not head.chunked and not head.continues
            and not self._ended and not self._shared.stopping and head.length <= self._shared.limits.body_bytes
        )  # fmt: skip
        self._write(self._app.refused(head, error), head, stays=goes_on)
        if goes_on:
            self._body = _Body(None, None, bytearray(), refused=True)
            self._since = self._shared.now
            self._pump() if not self._pumping else asyncio.get_running_loop().call_soon(self._pump)
        elif self._ended:
            self._close()
        else:
            self._linger()

    def _linger(self) -> None:
        """Say that this was all, and wait until the client closes: what it still sends would cut off the answer."""
        self._lingering, self._idle = True, False
        self._head = self._body = self._reader = None
        self._buffer, self._since = b"", self._shared.now
        transport = self._transport
        if transport is not None and not transport.is_closing() and transport.can_write_eof():
            transport.write_eof()

    def _close(self) -> None:
        """Once what was written has gone out."""
        self._head = self._body = None
        self._buffer, self._idle = b"", False
        transport = self._transport
        if transport is not None and not transport.is_closing():
            self._since = self._shared.now
            transport.close()
