"""Taking the oldest answers out of the prediction log, with their labels, a slice of the log at a time.

A slice is a range of `seq`, the order in which the log was written. What somebody still needs stays: answers and
labels that the monitor has not read, and those of an endpoint from a time on (`Hold`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, or_, select, text
from sqlalchemy.dialects.sqlite import insert

from quarterdeck.core.values import Arm
from quarterdeck.store.traffic import failures, labels, predictions, removals
from quarterdeck.store.traffic_queries import cursor
from quarterdeck.store.traffic_windows import settled

_at = predictions.c
_ORPHANS = text(
    "DELETE FROM label WHERE id IN (SELECT value FROM json_each(:ids))"
    " AND NOT EXISTS (SELECT 1 FROM prediction WHERE prediction.id = label.id) RETURNING endpoint"
).bindparams(bindparam("ids"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """Answers of an endpoint that are still needed: those given at `since` or later, microseconds of the wall clock."""

    endpoint: str
    since: int
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Removed:
    """What was taken out of an endpoint's part of the log, ever."""

    endpoint: str
    predictions: int
    labels: int
    last_at: int


def ends(tx: Connection) -> tuple[int, int] | None:
    """The first and the last `seq` of the log; None where it is empty."""
    low, high = tx.execute(select(func.min(_at.seq))).scalar(), tx.execute(select(func.max(_at.seq))).scalar()
    return None if low is None or high is None else (low, high)


def first_of_slice(tx: Connection, after: int) -> tuple[int, int] | None:
    """(seq, at) of the first row beyond a place; None where there is none."""
    row = tx.execute(select(_at.seq, _at.at).where(_at.seq > after).order_by(_at.seq).limit(1)).one_or_none()
    return None if row is None else (row.seq, row.at)


def removable(tx: Connection, low: int, high: int, *, before: int | None, holds: Sequence[Hold]) -> bool:
    """Whether remove() would take any row."""
    found = select(_at.seq).where(*_wanted(tx, low, high, before, holds)).limit(1)
    return tx.execute(found).scalar() is not None


def remove(
    tx: Connection, low: int, high: int, *, before: int | None, holds: Sequence[Hold], now: int
) -> tuple[int, int]:
    """Take rows with `seq` in [low, high] out, given before a time (None: whenever), and labels without an answer.

    Gives the answers and labels removed. They are added to the endpoints' sums in the same transaction.
    """
    gone = tx.execute(
        delete(predictions).where(*_wanted(tx, low, high, before, holds)).returning(_at.endpoint, _at.id)
    ).all()
    if not gone:
        return 0, 0
    orphans = tx.execute(_ORPHANS, {"ids": json.dumps([row.id for row in gone])}).scalars().all()
    counts, labelled = Counter(row.endpoint for row in gone), Counter(orphans)
    _note(tx, counts, labelled, now)
    return len(gone), len(orphans)


def remove_failures(tx: Connection, *, before: int, holds: Sequence[Hold]) -> int:
    """Take out what versions could not answer before a time; how many rows."""
    kept = [and_(failures.c.endpoint == hold.endpoint, failures.c.at >= hold.since) for hold in holds]
    return tx.execute(delete(failures).where(failures.c.at < before, ~or_(False, *kept))).rowcount


def removed(tx: Connection) -> list[Removed]:
    """What retention has taken out so far, by endpoint."""
    return [Removed(**row._mapping) for row in tx.execute(select(removals).order_by(removals.c.endpoint))]


def _wanted(tx: Connection, low: int, high: int, before: int | None, holds: Sequence[Hold]) -> list[Any]:
    where = [_at.seq >= low, _at.seq <= min(high, settled(tx)), _at.counted.is_distinct_from(0)]
    if before is not None:
        where.append(_at.at < before)
    if holds:
        held = [and_(_at.endpoint == hold.endpoint, _at.at >= hold.since) for hold in holds]
        where.append(~and_(_at.arm != Arm.BATCH.value, or_(*held)))
    # a label that the monitor has not read changes a window's metrics
    unread = select(labels.c.seq).where(labels.c.id == _at.id, labels.c.seq > cursor(tx, "labelled"))
    where.append(~unread.exists())
    return where


def _note(tx: Connection, counts: Mapping[str, int], labelled: Mapping[str, int], now: int) -> None:
    for endpoint, number in counts.items():
        row = {"endpoint": endpoint, "predictions": number, "labels": labelled.get(endpoint, 0), "last_at": now}
        query = insert(removals).values(**row)
        more = {
            "predictions": removals.c.predictions + number,
            "labels": removals.c.labels + row["labels"],
            "last_at": now,
        }
        tx.execute(query.on_conflict_do_update(index_elements=["endpoint"], set_=more))
