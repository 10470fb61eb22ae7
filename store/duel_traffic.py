"""What a comparison asks of traffic.db beside the rows themselves: is there anything new, and since when."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from quarterdeck.core.values import Arm
from quarterdeck.store.traffic import labels, predictions


def newest_label(tx: Connection, endpoint: str, *, after: int) -> int:
    """The number of the endpoint's newest label, or `after` if there is none beyond it.

    Reads only the labels beyond `after`, so that asking often costs nothing while nothing comes.
    """
    query = select(func.max(labels.c.seq)).where(labels.c.seq > after, labels.c.endpoint == endpoint)
    found = tx.execute(query).scalar()
    return after if found is None else int(found)


def first_answer(tx: Connection, endpoint: str, version: int, arm: Arm) -> int | None:
    """When a version first answered in an arm, in microseconds of the wall clock; None if it has not."""
    where = (predictions.c.endpoint == endpoint, predictions.c.version == version, predictions.c.arm == arm.value)
    found = tx.execute(select(func.min(predictions.c.at)).where(*where)).scalar()
    return None if found is None else int(found)
