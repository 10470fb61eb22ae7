"""Follows the prediction log for the screens that show rates: each look reads only what is new."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from quarterdeck.console.queries.values import Traffic
from quarterdeck.core.values import CLIENT_ARMS
from quarterdeck.store.traffic import predictions

KEPT = 1_000  # latest answers whose latency is judged, per endpoint
READ = 5_000  # rows of the log that one look reads at most for them
SPAN = 10.0  # seconds that a rate is taken over
SLICE = 100_000  # rows that are counted at once
PATIENCE = 0.2  # seconds after which a look leaves the rest to the next

_of_clients = predictions.c.arm.in_([arm.value for arm in CLIENT_ARMS])


@dataclass
class _Endpoint:
    total: int = 0
    latencies: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT))  # microseconds
    seen: deque[tuple[float, int]] = field(default_factory=deque)  # (clock, total) of the looks within SPAN


class TrafficTail:
    """Requests, rate and latency of every endpoint. First the whole log is counted, then its end."""

    def __init__(self) -> None:
        self._seq = 0  # the last row counted
        self._endpoints: dict[str, _Endpoint] = {}

    def look(self, tx: Connection, clock: float) -> dict[str, Traffic]:
        """What is known after reading on; `clock` in seconds of any steady clock.

        A long log is counted over several looks, each a fraction of a second; until then there is no rate.
        """
        newest = tx.execute(select(func.max(predictions.c.seq))).scalar() or 0
        before = self._seq
        stop = time.monotonic() + PATIENCE
        while self._seq < newest and (self._seq == before or time.monotonic() < stop):
            self._count(tx, min(newest, self._seq + SLICE))
        if self._seq == newest and newest > before:
            self._latencies(tx, before, newest)
        caught_up = self._seq == newest
        return {name: _figures(endpoint, clock, caught_up) for name, endpoint in self._endpoints.items()}

    def _count(self, tx: Connection, upto: int) -> None:
        fresh = (_of_clients, predictions.c.seq > self._seq, predictions.c.seq <= upto)
        query = select(predictions.c.endpoint, func.count()).where(*fresh)
        for name, number in tx.execute(query.group_by(predictions.c.endpoint)):
            self._endpoints.setdefault(name, _Endpoint()).total += number
        self._seq = upto

    def _latencies(self, tx: Connection, before: int, newest: int) -> None:
        after = max(before, newest - READ)
        query = select(predictions.c.endpoint, predictions.c.latency_us)
        rows = tx.execute(query.where(_of_clients, predictions.c.seq > after, predictions.c.seq <= newest))
        for name, latency in rows:
            self._endpoints.setdefault(name, _Endpoint()).latencies.append(latency)


def _figures(endpoint: _Endpoint, clock: float, caught_up: bool) -> Traffic:
    seen = endpoint.seen
    if not caught_up:
        return Traffic(requests=endpoint.total)
    seen.append((clock, endpoint.total))
    while len(seen) > 2 and clock - seen[1][0] >= SPAN:
        seen.popleft()
    passed = clock - seen[0][0]
    ordered = sorted(endpoint.latencies)
    return Traffic(
        requests=endpoint.total,
        rate=(endpoint.total - seen[0][1]) / passed if passed > 0 else None,
        p50_ms=_quantile(ordered, 0.5),
        p99_ms=_quantile(ordered, 0.99),
    )


def _quantile(ordered: list[int], q: float) -> float | None:
    """The nearest-rank quantile, in milliseconds."""
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] / 1_000 if ordered else None
