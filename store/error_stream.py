"""A version's labelled answers one by one, in the order the labels came: the stream of its errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from quarterdeck.core.values import CLIENT_ARMS, Task
from quarterdeck.store.traffic import labels, predictions


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """One labelled answer: its error (0 and up), the event time of the prediction and when the label came, in
    microseconds.
    """

    error: float
    event_at: int
    at: int


def errors_of(tx: Connection, endpoint: str, version: int, task: Task, *, limit: int) -> list[Labelled]:
    """The newest labels' errors, the oldest of them first: 1 for a wrong class, the distance for a number.

    A label that is none of this kind is passed over.
    """
    joined = labels.join(predictions, predictions.c.id == labels.c.id)
    where = (
        labels.c.endpoint == endpoint,
        predictions.c.version == version,
        predictions.c.arm.in_([arm.value for arm in CLIENT_ARMS]),
    )
    columns = (labels.c.label, labels.c.at, predictions.c.answer, predictions.c.event_at)
    query = select(*columns).select_from(joined).where(*where).order_by(labels.c.seq.desc()).limit(limit)
    found = []
    for label, at, answer, event_at in reversed(tx.execute(query).all()):
        error = _error(task, json.loads(label), json.loads(answer))
        if error is not None:
            found.append(Labelled(error=error, event_at=event_at, at=at))
    return found


def _error(task: Task, label: Any, answer: Any) -> float | None:
    if task is not Task.REGRESSION:
        return float(label != answer)
    try:
        return abs(float(label) - float(answer))
    except (TypeError, ValueError):
        return None
