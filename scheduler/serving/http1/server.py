"""The server: it accepts connections up to the limit, looks after them, and ends with the last answer.

Connections above the limit wait in the socket's queue until another is closed.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable

from quarterdeck.scheduler.serving.exposure import Tls
from quarterdeck.scheduler.serving.http1.connection import Connection
from quarterdeck.scheduler.serving.http1.responses import Responses
from quarterdeck.scheduler.serving.http1.shared import Application, Shared
from quarterdeck.scheduler.serving.limits import DEFAULT, Limits
from quarterdeck.scheduler.serving.listener import BACKLOG

log = logging.getLogger(__name__)

STOP_S = 5.0  # requests that are being answered when the server stops get so long
GRACE_S = 0.05  # for requests that are on their way when it stops
ACCEPTED = 64  # connections in a turn of the loop
LOOKS = 4  # at the connections, within the shortest of the limits
TLS_END_S = 2.0  # for a client's goodbye
FULL_S = 1.0  # after the system would open no more


class HttpServer:
    """On a socket that is listening already and is the server's from now on."""

    def __init__(
        self,
        app: Application,
        listener: socket.socket,
        *,
        limits: Limits = DEFAULT,
        tls: Tls | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock`: seconds since 1970, for the date of answers."""
        self._listener = listener
        self._limits = limits
        self._tls = None if tls is None else _context(tls)
        self._responses = Responses(clock)
        self._shared = Shared(app, limits, self._responses, self._gone)
        self._connections: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._accepting = False
        self._ending = asyncio.Event()
        self._empty = asyncio.Event()
        shortest = min(limits.header_seconds, limits.body_seconds, limits.answer_seconds)
        self._every = max(0.02, min(1.0, shortest / LOOKS))

    @property
    def connections(self) -> int:
        """How many are open, with those whose handshake is not done."""
        return len(self._connections)

    def stop(self) -> None:
        """Let serve() end once everything is answered, or after STOP_S."""
        self._ending.set()

    async def serve(self) -> None:
        """Until stop(). Every request that was begun is answered, as far as STOP_S allows."""
        self._loop = asyncio.get_running_loop()
        looking = self._loop.create_task(self._look())
        try:
            self._resume()
            await self._ending.wait()
            await self._end()
        finally:
            looking.cancel()
            self._pause()
            self._listener.close()
            for connection in list(self._connections):
                connection.abort()

    async def _end(self) -> None:
        self._shared.stopping = True
        self._accept(BACKLOG)  # who has connected before is answered
        self._pause()
        self._listener.close()
        await asyncio.sleep(GRACE_S)
        for connection in list(self._connections):
            connection.close_if_idle()
        if self._connections:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), STOP_S)
            except TimeoutError:
                log.warning("%s connections were not answered to their end", len(self._connections))

    async def _look(self) -> None:
        """At every connection, again and again: a timer for each request would cost more than reading it."""
        while True:
            now = self._loop.time()
            self._shared.now = now
            self._responses.tick()
            for connection in list(self._connections):
                connection.look(now)
            await asyncio.sleep(self._every)

    def _resume(self) -> None:
        if not self._accepting and not self._shared.stopping and len(self._connections) < self._limits.connections:
            self._accepting = True
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _pause(self) -> None:
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._listener.fileno())

    def _accept(self, most: int = ACCEPTED) -> None:
        for _ in range(most):
            if len(self._connections) >= self._limits.connections:
                self._pause()
                return
            try:
                accepted, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.warning("no more connections can be opened now: %s", error.strerror)
                self._pause()
                self._loop.call_later(FULL_S, self._resume)
                return
            self._open(accepted)

    def _open(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        connection = Connection(self._shared)
        self._connections.add(connection)
        task = self._loop.create_task(self._connect(connection, accepted))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, connection: Connection, accepted: socket.socket) -> None:
        """With the handshake of TLS, which has as long as the head of a request."""
        tls = self._tls
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else self._limits.header_seconds,
                ssl_shutdown_timeout=None if tls is None else TLS_END_S,
            )
        except OSError:  # the client has gone, or speaks no TLS; SSLError is one
            accepted.close()
            self._gone(connection)

    def _gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
        if not self._accepting and not self._ending.is_set():
            self._resume()


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls.certificate, tls.key)
    context.set_alpn_protocols(["http/1.1"])
    return context
