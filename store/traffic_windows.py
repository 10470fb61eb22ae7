"""The windows of event time in traffic.db: what was counted into them, how wide they are, and which have changed.

The server adds a batch's counts in the transaction that appends its rows, and says with each row that it did
(`counted`). What it does not count, the daemon does, once: rows that it left (0), and rows of writers that do not say
(NULL), which are found by the cursor SETTLED. Up to there nothing is NULL that is not in its window. The server moves
the cursor along with what it writes while nothing before it is open, so that nobody reads the log for that.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, text, update

from quarterdeck.core.values import CLIENT_ARMS
from quarterdeck.core.widths import Widths
from quarterdeck.store.traffic import cursors, predictions, widths, window_counts
from quarterdeck.store.traffic_upgrade import CHANGES, SETTLED

SPAN = 100_000  # rows that the daemon passes over in one look

_p, _w = predictions.c, window_counts.c
_LEFT = text("counted = 0")  # as the index says it
_OF_CLIENTS = _p.arm.in_([arm.value for arm in CLIENT_ARMS])
_PUT = (
    "INSERT INTO window_count (endpoint, version, start, rows, counts, end, changed, at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (endpoint, version, start) DO UPDATE SET rows = rows + excluded.rows, counts = excluded.counts,"
    " changed = excluded.changed, at = excluded.at"
)


@dataclass(frozen=True, slots=True, order=True)
class WindowKey:
    """One window of one version; `start` in microseconds."""

    model: str
    version: int
    start: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """Rows that the daemon has to count, and how far SETTLED may go when they are."""

    rows: Sequence[Row[Any]]
    place: int
    beyond: int

    @property
    def nothing(self) -> bool:
        return not self.rows and self.beyond == self.place


def _driver(tx: Connection) -> sqlite3.Connection:
    """For what the server does with every batch: SQLAlchemy adds five times to each of these small statements."""
    driver = tx.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def kept_counts(tx: Connection, key: WindowKey) -> str:
    """The counts of a window as they are kept; "" for none."""
    query = "SELECT counts FROM window_count WHERE endpoint = ? AND version = ? AND start = ?"
    row = _driver(tx).execute(query, (key.model, key.version, key.start)).fetchone()
    return "" if row is None else str(row[0])


def next_change(tx: Connection) -> int:
    """A number for the windows that this transaction changes: greater than any before."""
    query = "UPDATE cursor SET seq = seq + 1 WHERE name = ? RETURNING seq"
    return int(_driver(tx).execute(query, (CHANGES,)).fetchone()[0])


def put_counts(tx: Connection, key: WindowKey, end: int, *, rows: int, counts: str, changed: int, at: int) -> None:
    """Add so many rows to a window; `counts` are its new sums."""
    _driver(tx).execute(_PUT, (key.model, key.version, key.start, rows, counts, end, changed, at))


def settle(tx: Connection, rows: int) -> None:
    """After this transaction has appended so many rows that all say whether they are counted."""
    driver = _driver(tx)
    newest = driver.execute("SELECT max(seq) FROM prediction").fetchone()[0] or 0
    query = "UPDATE cursor SET seq = ? WHERE name = ? AND seq >= ?"
    driver.execute(query, (newest, SETTLED, newest - rows))


def left(tx: Connection, *, limit: int) -> Left:
    """What the server did not count: at most so many rows of each kind, in the order they were written."""
    place = settled(tx)
    given = tx.execute(select(predictions).where(_LEFT).order_by(_p.seq).limit(limit)).all()
    silent = (_p.seq > place, _p.seq <= place + SPAN, _p.counted.is_(None), _OF_CLIENTS)
    found = tx.execute(select(predictions).where(*silent).order_by(_p.seq).limit(limit)).all()
    if len(found) == limit:
        beyond = int(found[-1].seq)
    else:
        newest = tx.execute(select(func.max(_p.seq))).scalar() or 0
        beyond = max(place, min(newest, place + SPAN))
    return Left(rows=[*given, *found], place=place, beyond=beyond)


def settle_left(tx: Connection, done: Left) -> None:
    """These rows are counted. Where all that came meanwhile says so itself, the cursor goes to the log's end."""
    seqs = json.dumps([row.seq for row in done.rows if row.counted is not None])
    tx.execute(
        text("UPDATE prediction SET counted = 1 WHERE seq IN (SELECT value FROM json_each(:seqs))"), {"seqs": seqs}
    )
    end = done.beyond
    newest = tx.execute(select(func.max(_p.seq))).scalar() or 0
    if end < newest <= end + SPAN:
        silent = select(_p.seq).where(_p.seq > end, _p.counted.is_(None)).limit(1)
        end = newest if tx.execute(silent).scalar() is None else end
    tx.execute(update(cursors).where(cursors.c.name == SETTLED, cursors.c.seq < end).values(seq=end))


def settled(tx: Connection) -> int:
    """The cursor SETTLED."""
    return tx.execute(select(cursors.c.seq).where(cursors.c.name == SETTLED)).scalar() or 0


def all_counted(tx: Connection) -> bool:
    """Whether every answer that a client got is in its window, or belongs to none."""
    if tx.execute(select(_p.seq).where(_LEFT).limit(1)).scalar() is not None:
        return False
    silent = (_p.seq > settled(tx), _p.counted.is_(None), _OF_CLIENTS)
    return tx.execute(select(_p.seq).where(*silent).limit(1)).scalar() is None


def changed_after(tx: Connection, seen: int, *, limit: int) -> tuple[list[WindowKey], int]:
    """The windows that changed, the earliest change first, and the last change among them.

    At most about `limit`: what one transaction changed stays together.
    """
    query = select(_w.endpoint, _w.version, _w.start, _w.changed).order_by(_w.changed)
    found = tx.execute(query.where(_w.changed > seen).limit(limit)).all()
    if not found:
        return [], seen
    last = int(found[-1].changed)
    if len(found) == limit:
        found = tx.execute(query.where(_w.changed > seen, _w.changed <= last)).all()
    return [WindowKey(endpoint, version, start) for endpoint, version, start, _ in found], last


def touch(tx: Connection, keys: Collection[WindowKey], at: int) -> None:
    """Say that these windows changed though nothing was counted into them: labels came."""
    if not keys:
        return
    changed = next_change(tx)
    for key in keys:
        where = (_w.endpoint == key.model, _w.version == key.version, _w.start == key.start)
        tx.execute(update(window_counts).where(*where).values(changed=changed, at=at))


def window_end(tx: Connection, key: WindowKey) -> int | None:
    """Where a window ends; None for one that is not known, or was counted by a release that did not say."""
    where = (_w.endpoint == key.model, _w.version == key.version, _w.start == key.start)
    end: int | None = tx.execute(select(_w.end).where(*where)).scalar()
    return end


def read_widths(tx: Connection) -> dict[str, Widths]:
    """How wide the windows of each model are, and were."""
    steps: dict[str, list[tuple[int, int]]] = {}
    query = "SELECT endpoint, since, width FROM width ORDER BY endpoint, since"
    for endpoint, since, width in _driver(tx).execute(query):
        steps.setdefault(endpoint, []).append((since, width))
    return {endpoint: Widths(tuple(found)) for endpoint, found in steps.items()}


def begin_widths(tx: Connection, wanted: Mapping[str, int]) -> None:
    """The first width of models that have none."""
    for endpoint, width in wanted.items():
        ((since, _),) = Widths.of(width).steps
        query = "INSERT OR IGNORE INTO width (endpoint, since, width) VALUES (?, ?, ?)"
        _driver(tx).execute(query, (endpoint, since, width))


def change_width(tx: Connection, endpoint: str, width: int, *, now: int) -> Widths:
    """From the next boundary on, windows of this model are so wide; gives what holds from now on.

    A window under way that the change cuts ends there. An event of the future, that a client's wrong clock made up,
    does not put the change off.
    """
    before = read_widths(tx).get(endpoint)
    after = Widths.of(width) if before is None else before.changed(width, _newest(tx, endpoint, now))
    tx.execute(delete(widths).where(widths.c.endpoint == endpoint))
    rows = [{"endpoint": endpoint, "since": since, "width": wide} for since, wide in after.steps]
    tx.execute(insert(widths), rows)
    if before is not None:
        end = func.coalesce(_w.end, _w.start + before.width)
        cut = (_w.endpoint == endpoint, _w.start < after.steps[-1][0], end > after.steps[-1][0])
        tx.execute(update(window_counts).where(*cut).values(end=after.steps[-1][0], changed=next_change(tx), at=now))
    return after


def _newest(tx: Connection, endpoint: str, now: int) -> int | None:
    """The latest event of a model, or now if that is earlier; None without any."""
    starts = tx.execute(
        select(_w.version, func.max(_w.start)).where(_w.endpoint == endpoint).group_by(_w.version)
    ).all()
    if not starts:
        return None
    found = [start for _, start in starts]
    for version, _ in starts:
        query = select(func.max(_p.event_at)).where(_p.endpoint == endpoint, _p.version == version)
        found.append(tx.execute(query).scalar() or found[0])
    return int(min(max(found), max(now, 0)))


def remove_windows(tx: Connection, *, before: int, seen: int) -> int:
    """Take out windows into which nothing was counted since a time of the wall clock; how many.

    Those that the monitor has not seen since they changed stay.
    """
    return tx.execute(delete(window_counts).where(_w.at < before, _w.changed <= seen)).rowcount
