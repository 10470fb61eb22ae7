"""The prediction server over HTTP, a chunk of rows a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from quarterdeck.core.errors import (
    InputError,
    NotAllowedError,
    NotFoundError,
    QuarterdeckError,
    UnavailableError,
)
from quarterdeck.scheduler.reaching import Reach

CHUNK = 500  # rows in one request: large enough to be fast, small enough for the server's limits
_TIMEOUT_S = 60.0
_CLASSES: dict[int, type[QuarterdeckError]] = {401: NotAllowedError, 403: NotAllowedError, 404: NotFoundError}


class Client:
    """A connection to one endpoint; a context manager."""

    def __init__(self, reached: Reach, endpoint: str) -> None:
        self._http = httpx.Client(
            base_url=reached.address, verify=reached.verify, headers=reached.headers, timeout=_TIMEOUT_S,
            trust_env=False,
        )  # fmt: skip
        self._endpoint = endpoint

    def predict(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """One answer a row, in order; the server's refusal as our error, which says from which row on."""
        answers: list[dict[str, Any]] = []
        for start in range(0, len(rows), CHUNK):
            answers += self._ask(rows[start : start + CHUNK], start)
        return answers

    def _ask(self, rows: Sequence[dict[str, Any]], start: int) -> list[dict[str, Any]]:
        try:
            answer = self._http.post(f"/predict/{self._endpoint}", json=list(rows))
        except httpx.HTTPError as error:
            where = str(self._http.base_url)
            hint = "`quarterdeck service list` shows whether it runs"
            raise UnavailableError(f"the server did not answer: {error}", where=where, hint=hint) from error
        if answer.is_success:
            found: list[dict[str, Any]] = answer.json()["predictions"]
            return found
        raise _refusal(answer, start)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()


def _refusal(answer: httpx.Response, start: int) -> QuarterdeckError:
    message, where, hint = _words(answer)
    if start:
        counted = f"in the rows from {start} on"
        where = f"{where}, {counted}" if where else counted
    kind = _CLASSES.get(answer.status_code, InputError if answer.status_code < 500 else UnavailableError)
    return kind(message, where=where, hint=hint)


def _words(answer: httpx.Response) -> tuple[str, str | None, str | None]:
    """What the server said: its JSON error, or whatever there is."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    if isinstance(said, dict) and "error" in said:
        return str(said["error"]), said.get("where"), said.get("hint")
    return f"HTTP {answer.status_code} {answer.reason_phrase}", None, None
