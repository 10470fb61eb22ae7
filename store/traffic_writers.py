"""Which processes write the prediction log, how many rows each has written, and how many answers never came there."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from quarterdeck.store.traffic import cursors, writers

LOST = "lost"  # a sum among the cursors


def begin_writer(tx: Connection, name: str) -> None:
    tx.execute(insert(writers).values(name=name, logged=0))


def raise_logged(tx: Connection, name: str, rows: int) -> None:
    """In the transaction that appends so many rows."""
    driver = tx.connection.driver_connection
    assert driver is not None
    driver.execute("UPDATE writer SET logged = logged + ? WHERE name = ?", (rows, name))


def end_writer(tx: Connection, name: str) -> int | None:
    """How many rows it has written; None for one that is not known, or was taken out before."""
    return tx.execute(delete(writers).where(writers.c.name == name).returning(writers.c.logged)).scalar()


def add_lost(tx: Connection, rows: int) -> None:
    """Answers that a process which was killed had given, and not logged."""
    if rows:
        query = upsert(cursors).values(name=LOST, seq=rows)
        tx.execute(query.on_conflict_do_update(index_elements=["name"], set_={"seq": cursors.c.seq + rows}))


def lost_rows(tx: Connection) -> int:
    """How many there were, ever."""
    return tx.execute(select(cursors.c.seq).where(cursors.c.name == LOST)).scalar() or 0
