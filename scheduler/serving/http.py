"""HTTP around the routes: replies, and errors as JSON."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from quarterdeck.core.errors import QuarterdeckError, UsageError
from quarterdeck.scheduler.serving.protocols import encode

JSON = [("content-type", "application/json")]
TEXT = [("content-type", "text/plain; version=0.0.4; charset=utf-8")]


class Headers(Protocol):
    def get(self, name: str, /) -> str | None: ...


class Head(Protocol):
    """What a request says about itself: http1/head.py. Its headers are found by names in lower case."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def headers(self) -> Headers: ...


class Exchange(Protocol):
    """Where the answer to a request goes, once: http1/connection.py. It may have gone meanwhile."""

    def json(self, body: bytes, /) -> None:
        """With status 200."""

    def reply(self, reply: Reply, /) -> None: ...


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


def too_large(most: int) -> UsageError:
    said = f"{most // 1024**2} MiB" if most % 1024**2 == 0 else f"{most:,} bytes"
    return http_error(413, f"the body is larger than {said}", "send several requests")


def is_json(kind: str) -> bool:
    """Whether a content type is one of JSON."""
    name = kind.partition(";")[0].strip().lower()
    return name == "application/json" or (name.startswith("application/") and name.endswith("+json"))
