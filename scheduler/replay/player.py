"""Sends each day's requests and labels to the prediction server, and lets the daemon keep up.

A day of the replay takes a fraction of a second. What takes real seconds, a training or a look of the monitor, would
take no part of a real day: so the replay waits for it, and the story is the same on a slow machine.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from quarterdeck.core.values import ServiceKind
from quarterdeck.scheduler.control import find, wait_until
from quarterdeck.scheduler.reaching import Reach, reach
from quarterdeck.scheduler.replay.sources import Request
from quarterdeck.scheduler.state import State
from quarterdeck.store import runs, traffic_queries

CONCURRENCY = 8
ANSWER_S = 10.0
LABELS_A_CALL = 500
TRIES = 200  # a server that was killed is back within seconds; a request waits for it
PAUSE_S = 0.05
CATCH_UP_S = 60.0


@dataclass(slots=True)
class Tally:
    """What a client of one endpoint has seen."""

    requests: int = 0
    failures: int = 0  # not answered in the end, or answered with a 5xx
    refused: int = 0  # answered with a 4xx: the row was not one the model knows
    retried: int = 0  # sent again because the server was away
    latencies_ms: list[float] = field(default_factory=list)

    def quantile(self, q: float) -> float | None:
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else None


class Player:
    """A client of the prediction server that lives through the days."""

    def __init__(self, state: State, stopped: Callable[[], bool]) -> None:
        self._state = state
        self._stopped = stopped
        self._waiting: list[tuple[timedelta, int, str, Any]] = []  # labels not known yet: (known_at, n, id, label)
        self._order = 0
        self._address = ""
        self.tallies: dict[str, Tally] = {}

    async def __aenter__(self) -> Player:
        reached = self._find()
        self._client = httpx.AsyncClient(
            limits=httpx.Limits(max_connections=CONCURRENCY),
            timeout=ANSWER_S,
            trust_env=False,
            verify=True if reached is None else reached.verify,
            headers=None if reached is None else reached.headers,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def day(self, requests: Iterable[Request], end: timedelta) -> None:
        """Send the requests of a day in their order, then the labels that are known by its end."""
        waiting = iter(requests)

        async def sender() -> None:
            for request in waiting:  # shared: each takes the next that nobody has taken
                await self._predict(request)

        await asyncio.gather(*(sender() for _ in range(CONCURRENCY)))
        await self._labels(end)

    async def _predict(self, request: Request) -> None:
        tally = self.tallies.setdefault(request.endpoint, Tally())
        tally.requests += 1
        started = time.perf_counter()
        answer = await self._post(f"/predict/{request.endpoint}", request.row, tally)
        if answer is None or answer.status_code >= 500:
            tally.failures += 1
            return
        tally.latencies_ms.append((time.perf_counter() - started) * 1000)
        if answer.status_code >= 400:
            tally.refused += 1
            return
        prediction = answer.json()["predictions"][0]["id"]
        self._order += 1
        heapq.heappush(self._waiting, (request.known_at, self._order, prediction, request.label))

    async def _labels(self, end: timedelta) -> None:
        due = []
        while self._waiting and self._waiting[0][0] <= end:
            _, _, prediction, label = heapq.heappop(self._waiting)
            due.append({"id": prediction, "label": label})
        for first in range(0, len(due), LABELS_A_CALL):
            await self._post("/feedback", due[first : first + LABELS_A_CALL], Tally())

    async def _post(self, path: str, body: Any, tally: Tally) -> httpx.Response | None:
        """Post until there is an answer: a server that is away is not an answer, and the client tries again."""
        for _ in range(TRIES):
            try:
                return await self._client.post(self._address + path, json=body)
            except httpx.TransportError:
                tally.retried += 1
                if self._stopped():
                    return None
                await asyncio.sleep(PAUSE_S)  # the daemon is starting a new server; there is nobody to notify us
                self._find()
        return None

    def _find(self) -> Reach | None:
        """Learn where the server listens now; it stays the last known place while there is none."""
        service = find(self._state.database, ServiceKind.SERVER)
        if service is None:
            return None
        found = reach(self._state.workspace, service)
        self._address = found.address
        return found

    def catch_up(self) -> None:
        """Wait until the daemon has seen every answer and label, and no run is under way."""
        wait_until(
            lambda: self._stopped() or (self._counted() and self._idle()),
            what="the daemon to catch up with the traffic",
            hint="`quarterdeck daemon status` and `quarterdeck run list` show what it does",
            patience=CATCH_UP_S,
        )

    def _counted(self) -> bool:
        with self._state.traffic.read() as tx:
            return traffic_queries.is_counted(tx)

    def _idle(self) -> bool:
        with self._state.database.read() as tx:
            return not runs.unfinished(tx)
