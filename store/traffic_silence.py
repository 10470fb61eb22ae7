"""Whether clients still ask: an endpoint's last answer, and in which stretches of time it had any.

Each question is a look into the index by time, whatever the traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from quarterdeck.core.values import CLIENT_ARMS
from quarterdeck.store.traffic import predictions

_of_clients = predictions.c.arm.in_([arm.value for arm in CLIENT_ARMS])


def last_answer(tx: Connection, endpoint: str, versions: Sequence[int]) -> int | None:
    """When a client got an answer of any of the versions last, in microseconds of the wall clock."""
    found = [
        tx.execute(select(func.max(predictions.c.at)).where(*_of(endpoint, version), _of_clients)).scalar()
        for version in versions
    ]
    return max((at for at in found if at is not None), default=None)


def busy_spans(tx: Connection, endpoint: str, versions: Sequence[int], spans: Iterable[tuple[int, int]]) -> int:
    """In how many of the stretches [since, until) a client got an answer."""
    return sum(any(_busy(tx, endpoint, version, since, until) for version in versions) for since, until in spans)


def _busy(tx: Connection, endpoint: str, version: int, since: int, until: int) -> bool:
    during = (predictions.c.at >= since, predictions.c.at < until)
    query = select(predictions.c.at).where(*_of(endpoint, version), *during, _of_clients).limit(1)
    return tx.execute(query).first() is not None


def _of(endpoint: str, version: int) -> tuple[Any, ...]:
    return (predictions.c.endpoint == endpoint, predictions.c.version == version)
