"""Asks the running server a version's expected inputs, and says what it answers otherwise than training did."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from quarterdeck.core.errors import NotFoundError, UnavailableError
from quarterdeck.core.expected import Difference, Expected, compare
from quarterdeck.scheduler.reaching import Reach

TIMEOUT_S = 30.0
CHUNK = 50  # rows of a request: together they take the batch's way, as clients' rows do
LOAD_S = 15.0  # a version that was named just now is loaded within that
LOOK_S = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Tested:
    """What came of it."""

    endpoint: str
    version: int
    rows: int
    differences: tuple[Difference, ...]

    @property
    def differing(self) -> int:
        """Rows that were answered otherwise."""
        return len({found.row for found in self.differences})


def ask_version(server: Reach, endpoint: str, version: int, expected: Expected) -> Tested:
    """Ask each row, and compare. NotFoundError where the version is not loaded, UnavailableError without an answer."""
    with _client(server) as client:
        url = f"/predict/{quote(endpoint)}?version={version}"
        served: list[dict[str, Any] | str] = []
        for start in range(0, len(expected.rows), CHUNK):
            served += _answers(client, url, list(expected.rows[start : start + CHUNK]), version)
    found = compare(expected, served)
    return Tested(endpoint=endpoint, version=version, rows=len(expected.rows), differences=tuple(found))


def wait_until_loaded(server: Reach, endpoint: str, version: int, patience: float = LOAD_S) -> str | None:
    """None once the server has it in memory; else why not, in the server's own words, after so many seconds."""
    deadline = time.monotonic() + patience
    with _client(server) as client:
        while True:
            said = _send(client, "GET", "/readyz").json()
            if version in said.get("loaded", {}).get(endpoint, ()):
                return None
            if time.monotonic() > deadline:
                subject = f"version {endpoint}@{version}: "
                problem = next((text for text in said.get("problems", ()) if text.startswith(subject)), None)
                return problem or f"{subject}the server has not loaded it"
            time.sleep(LOOK_S)


def _client(server: Reach) -> httpx.Client:
    # trust_env: a proxy has no place between this process and a server of the same machine
    return httpx.Client(
        base_url=server.address, verify=server.verify, headers=server.headers, timeout=TIMEOUT_S, trust_env=False
    )


def _answers(client: httpx.Client, url: str, rows: list[dict[str, Any]], version: int) -> list[dict[str, Any] | str]:
    """One answer a row, or why there is none. Where rows are refused together, each is asked alone."""
    answer = _send(client, "POST", url, rows)
    if answer.status_code == 200:
        return _predictions(answer, len(rows), version)
    words = _words(answer)
    if answer.status_code == 404:
        raise NotFoundError(words, hint="`quarterdeck service plan` shows what the server has loaded")
    if answer.status_code in (408, 429, 503):
        raise UnavailableError(f"the server did not answer: {words}", hint="ask again in a moment")
    if len(rows) == 1:
        return [f"HTTP {answer.status_code}: {words}"]
    return [found for row in rows for found in _answers(client, url, [row], version)]


def _predictions(answer: httpx.Response, rows: int, version: int) -> list[dict[str, Any] | str]:
    body = answer.json()
    found = body.get("predictions") or []
    if body.get("version") != version or len(found) != rows:
        return [f"version {body.get('version')} gave {len(found)} answers to {rows} rows"] * rows
    return list(found)


def _send(client: httpx.Client, method: str, url: str, rows: Any = None) -> httpx.Response:
    try:
        return client.request(method, url, json=rows) if rows is not None else client.request(method, url)
    except httpx.HTTPError as error:
        hint = "`quarterdeck service list` shows whether it runs"
        raise UnavailableError(f"the server did not answer: {error}", where=str(client.base_url), hint=hint) from error


def _words(answer: httpx.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        said = None
    if isinstance(said, dict) and "error" in said:
        where = f"{said['where']}: " if said.get("where") else ""
        return f"{where}{said['error']}"
    return answer.reason_phrase or f"HTTP {answer.status_code}"
