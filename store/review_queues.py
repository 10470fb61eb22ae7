"""Each model's queue of predictions for people: what the manifest said last, and the rate of its draws."""

from __future__ import annotations

import secrets

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from quarterdeck.core.review_item import Queue
from quarterdeck.core.review_spec import ReviewSpec
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import ReviewQueueRow

_queue = table(ReviewQueueRow)


def find(tx: Connection, environment: str, model: str) -> Queue | None:
    row = tx.execute(select(_queue).where(*_key(environment, model))).one_or_none()
    return None if row is None else _to_queue(row)


def every(tx: Connection, environment: str) -> list[Queue]:
    """All queues there ever were here, by model."""
    query = select(_queue).where(_queue.c.environment == environment).order_by(_queue.c.model)
    return [_to_queue(row) for row in tx.execute(query)]


def put(tx: Connection, environment: str, model: str, spec: ReviewSpec) -> None:
    """What the manifest says now. The salt stays what it was when the queue was made."""
    values = {"enabled": True, "spec": spec.to_json()}
    if tx.execute(update(_queue).where(*_key(environment, model)).values(**values)).rowcount == 0:
        salt = secrets.token_hex(16)
        tx.execute(
            insert(_queue).values(environment=environment, model=model, salt=salt, rate=1.0, thinned=0, **values)
        )


def disable(tx: Connection, environment: str, model: str) -> None:
    """Nothing new waits; what waits already can still be decided."""
    tx.execute(update(_queue).where(*_key(environment, model)).values(enabled=False))


def set_rate(tx: Connection, queue: Queue, rate: float, *, thinned: int = 0) -> None:
    """From now on its probabilities are times `rate`; so many items gave way to that."""
    changes = {"rate": rate, "thinned": _queue.c.thinned + thinned}
    tx.execute(update(_queue).where(*_key(queue.environment, queue.model)).values(**changes))


def _key(environment: str, model: str) -> tuple[ColumnElement[bool], ...]:
    return (_queue.c.environment == environment, _queue.c.model == model)


def _to_queue(row: Row[object]) -> Queue:
    return value_of(Queue, row, spec=ReviewSpec.from_json)
