"""HTTP around the routes.

Bodies within their limits and in time, errors as JSON, unexpected ones with an id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, NamedTuple, Protocol

from quarterdeck.core.errors import QuarterdeckError, UsageError
from quarterdeck.scheduler.serving.limits import DEFAULT, Limits
from quarterdeck.scheduler.serving.protocols import encode

JSON = [("content-type", "application/json")]
TEXT = [("content-type", "text/plain; version=0.0.4; charset=utf-8")]


class Headers(Protocol):
    def get(self, name: str, /) -> str | None: ...


class Scope(Protocol):
    """A request's head, as RSGI gives it."""

    method: str
    path: str
    query_string: str
    headers: Headers


class Transport(Protocol):
    """Where a request's body comes from and its answer goes, as RSGI gives it."""

    async def __call__(self) -> bytes: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...


class Payer(Protocol):
    """Whose rate a body counts against."""

    def took(self, size: int, /) -> None: ...


class Reply(NamedTuple):
    status: int
    body: bytes
    headers: list[tuple[str, str]] = JSON

    @classmethod
    def of(cls, data: Any, status: int = 200) -> Reply:
        return cls(status, encode(data))


def http_error(status: int, message: str, hint: str | None = None) -> UsageError:
    """A mistake in the request that has a status of its own."""
    error = UsageError(message, hint=hint)
    error.http_status = status
    return error


def error_reply(error: QuarterdeckError, **more: str) -> Reply:
    data = {"error": error.message, "where": error.where, "hint": error.hint, **more}
    return Reply(error.http_status, encode(data), [*JSON, *error.http_headers] if error.http_headers else JSON)


class Bodies:
    """Reads the bodies of requests. sweep() gives up on those that do not arrive."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._began: dict[asyncio.Task[Any], float] = {}
        self._expired: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.get_running_loop()

    def json(self, scope: Scope, transport: Transport, payer: Payer | None = None) -> Awaitable[bytes]:
        """The body of a request that must hold JSON. Raises UsageError with status 408, 413 or 415.

        `payer` is told the size of a body that came without saying it.
        """
        kind = scope.headers.get("content-type")
        if kind != "application/json" and not _is_json(kind or ""):
            # a web page may send other types to this machine without asking; it must not be able to send labels
            raise http_error(415, "expected content-type application/json", "send that header with the request")
        return self.read(transport, scope.headers.get("content-length"), payer)

    async def read(self, transport: Transport, length: str | None = None, payer: Payer | None = None) -> bytes:
        """The body, whatever it holds; `length` as its header says. Raises UsageError with status 408 or 413."""
        if length is not None and int(length) > self._limits.body_bytes:
            raise _too_large(self._limits.body_bytes)
        task = asyncio.current_task()
        assert task is not None  # a request's handler always runs in a task
        self._began[task] = self._loop.time()
        try:
            if length is not None:
                return await transport()
            body = await _limited(transport, self._limits.body_bytes)
            if payer is not None:
                payer.took(len(body))
            return body
        except asyncio.CancelledError:
            if task not in self._expired:
                raise
            raise http_error(408, f"the body did not arrive within {self._limits.body_seconds:g} s") from None
        finally:
            del self._began[task]
            self._expired.discard(task)

    def sweep(self) -> None:
        """Called about every second: a timer for each request would cost more than reading it."""
        now = self._loop.time()
        for task, began in self._began.items():
            if now - began > self._limits.body_seconds and task not in self._expired:
                self._expired.add(task)
                task.cancel()


async def _limited(transport: Transport, most: int) -> bytes:
    """A body of unknown length."""
    parts, size = [], 0
    async for part in transport:
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
    return b"".join(parts)


def _too_large(most: int) -> UsageError:
    said = f"{most // 1024**2} MiB" if most % 1024**2 == 0 else f"{most:,} bytes"
    return http_error(413, f"the body is larger than {said}", "send several requests")


def _is_json(kind: str) -> bool:
    name = kind.partition(";")[0].strip().lower()
    return name == "application/json" or (name.startswith("application/") and name.endswith("+json"))
