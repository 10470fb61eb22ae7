"""What judging a window's performance reads of traffic.db: answers with their labels, and what the server did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from quarterdeck.core.values import CLIENT_ARMS
from quarterdeck.store.traffic import labels, predictions
from quarterdeck.store.traffic_queries import ArmFigures, arm_figures

MOST_ROWS = 30_000  # of a window: of more, every second, third, ... is read, so that judging one stays short


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """`rows`: (inputs, score, probabilities, label or None) in the order of the log; `total`: how many there
    are. `served`: what clients got of this version while the window's rows were answered; None where none was."""

    rows: list[Row[Any]]
    total: int
    served: ArmFigures | None

    @property
    def labelled(self) -> list[Row[Any]]:
        return [row for row in self.rows if row.label is not None]


def window_answers(tx: Connection, endpoint: str, version: int, start: int, end: int) -> Answers:
    """A version's answers to clients with event time in [start, end), in microseconds.

    Failures have no event time: those count that fell, by the wall clock, between the window's first and last answer.
    """
    where = (
        predictions.c.endpoint == endpoint,
        predictions.c.version == version,
        predictions.c.arm.in_([arm.value for arm in CLIENT_ARMS]),
        predictions.c.event_at >= start,
        predictions.c.event_at < end,
    )
    spans = select(func.count(), func.min(predictions.c.at), func.max(predictions.c.at)).where(*where)
    total, first, last = tx.execute(spans).one()
    if not total:
        return Answers(rows=[], total=0, served=None)
    columns = (predictions.c.inputs, predictions.c.score, predictions.c.probabilities, labels.c.label)
    joined = predictions.outerjoin(labels, labels.c.id == predictions.c.id)
    query = select(*columns).select_from(joined).where(*where).order_by(predictions.c.seq)
    step = -(-total // MOST_ROWS)
    if step > 1:
        query = query.where(predictions.c.seq % step == 0)
    served = arm_figures(tx, endpoint, version, arms=CLIENT_ARMS, since=first, until=last + 1)
    return Answers(rows=list(tx.execute(query)), total=total, served=served)
