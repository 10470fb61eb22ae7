"""A bounded, even sample of the rows that a version answered."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, func, select

from quarterdeck.core.values import CLIENT_ARMS
from quarterdeck.store.traffic import predictions


def sample_inputs(
    tx: Connection, endpoint: str, version: int, start: int, end: int, *, most: int
) -> list[dict[str, Any]]:
    """Inputs of answers to clients with event time in [start, end), microseconds: every k-th of the log, at most
    `most`; the same log gives the same sample.
    """
    where = (
        predictions.c.endpoint == endpoint,
        predictions.c.version == version,
        predictions.c.arm.in_([arm.value for arm in CLIENT_ARMS]),
        predictions.c.event_at >= start,
        predictions.c.event_at < end,
        predictions.c.inputs != "",
    )
    rows = tx.execute(select(func.count()).select_from(predictions).where(*where)).scalar_one()
    step = max(1, -(-rows // most))
    place = func.row_number().over(order_by=predictions.c.seq).label("place")
    numbered = select(predictions.c.inputs, place).where(*where).subquery()
    query = select(numbered.c.inputs).where(numbered.c.place % step == 0).order_by(numbered.c.place)
    return [json.loads(text) for text in tx.execute(query).scalars()]
