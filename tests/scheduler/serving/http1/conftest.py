"""A real server on a real loop in a thread, with an application that answers what it was asked."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvloop

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.serving.http import Reply, error_reply, http_error
from quarterdeck.scheduler.serving.http1.connection import Connection
from quarterdeck.scheduler.serving.http1.head import Head
from quarterdeck.scheduler.serving.http1.server import HttpServer
from quarterdeck.scheduler.serving.limits import Limits
from quarterdeck.scheduler.serving.listener import listen

PATIENCE_S = 10.0
LARGE = b'"' + b"x" * 20_000_000 + b'"'


class Echo:
    """Answers with method, path, query and body. `/later` is answered when release() is called, `/large` with much,
    `/closed` is refused before its body is read.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.refusals: list[QuarterdeckError] = []
        self.waiting: list[Callable[[], None]] = []

    def admit(self, head: Head) -> str:
        if head.path == "/closed":
            raise http_error(401, "nobody may ask here")
        return "anybody"

    def answer(self, exchange: Connection, head: Head, body: bytes, admitted: Any) -> None:
        self.requests += 1
        if admitted is None:
            try:
                self.admit(head)
            except QuarterdeckError as error:
                exchange.reply(self.refused(head, error))
                return
        said = json.dumps([head.method, head.path, head.query_string, body.decode("latin-1")]).encode()
        if head.path == "/later":
            self.waiting.append(lambda: exchange.json(said))
        elif head.path == "/large":
            exchange.json(LARGE)
        else:
            exchange.json(said)

    def refused(self, head: Head | None, error: QuarterdeckError) -> Reply:
        self.refusals.append(error)
        return error_reply(error)


class House:
    """The server in its thread. What concerns the loop is done in it."""

    def __init__(self, limits: Limits, host: str = "127.0.0.1", clock: Callable[[], float] | None = None) -> None:
        self.app = Echo()
        self._listener = listen(host, 0)
        self.address = self._listener.getsockname()[:2]
        self._limits = limits
        self._clock = {} if clock is None else {"clock": clock}
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.server = HttpServer(self.app, self._listener, limits=self._limits, **self._clock)
        self.loop.call_soon(self._ready.set)
        await self.server.serve()

    def do(self, act: Callable[[], Any]) -> Any:
        """Its result, from the server's loop."""

        async def run() -> Any:
            return act()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(PATIENCE_S)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=PATIENCE_S)

    def connections(self) -> list[Connection]:
        found: list[Connection] = self.do(lambda: list(self.server._connections))
        return found

    def release(self) -> None:
        def answer() -> None:
            waiting, self.app.waiting = self.app.waiting, []
            for one in waiting:
                one()

        self.do(answer)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.server.stop)

    def close(self) -> None:
        if self._thread.is_alive():
            self.stop()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


@pytest.fixture
def make_house() -> Iterator[Callable[..., House]]:
    """House(Limits), stopped at the end of the test."""
    made: list[House] = []

    def make(limits: Limits | None = None, **more: Any) -> House:
        made.append(House(limits or Limits(), **more))
        return made[-1]

    yield make
    for house in made:
        house.close()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One for many tests, with limits that are soon met."""
    house = House(Limits(body_bytes=100_000))
    yield house
    house.close()


def read_to_end(connection: socket.socket) -> bytes:
    """What the server says until it closes."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the next answer; nothing behind it may have come."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        assert part, data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    while len(body) < int(headers.get("content-length", 0)):
        part = connection.recv(65_536)
        assert part, data
        body += part
    assert len(body) == int(headers.get("content-length", 0))
    return int(first.split()[1]), headers, body


@pytest.fixture(scope="session")
def raw() -> Any:
    """How tests read from sockets."""
    return type("Raw", (), {"to_end": staticmethod(read_to_end), "answer": staticmethod(read_answer)})
