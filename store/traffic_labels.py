"""How many labels came, for triggers that count them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from quarterdeck.store.traffic import labels, micros


def labels_behind(tx: Connection, endpoint: str, seq: int) -> tuple[int, int]:
    """(how many an endpoint got behind label `seq`, the newest label of all): reads only what is behind it."""
    query = select(func.count()).where(labels.c.seq > seq, labels.c.endpoint == endpoint)
    return int(tx.execute(query).scalar_one()), max(seq, _newest(tx))


def labels_since(tx: Connection, endpoint: str, moment: datetime) -> tuple[int, int]:
    """(how many an endpoint got after a time of the wall clock, the newest label of all): reads all of them."""
    query = select(func.count()).where(labels.c.endpoint == endpoint, labels.c.at > micros(moment))
    return int(tx.execute(query).scalar_one()), _newest(tx)


def _newest(tx: Connection) -> int:
    return int(tx.execute(select(func.max(labels.c.seq))).scalar() or 0)
