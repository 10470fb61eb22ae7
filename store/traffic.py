"""traffic.db: every prediction, every label, and the windows' counts. Apart from the metadata, so that load never
blocks a promotion.

Plain SQLAlchemy tables: the prediction server writes here and must start fast, and SQLModel costs half a second to
load. Times are integers, microseconds since 1970 UTC: a thousand rows a second are compared and indexed as numbers.

A file of an older schema is brought up to date in place when it is opened, in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, TypedDict

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
    text,
)

from quarterdeck.core.errors import UnavailableError
from quarterdeck.store.engine import Database
from quarterdeck.store.traffic_space import begin_new
from quarterdeck.store.traffic_upgrade import upgrade

SCHEMA = 4
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
metadata = MetaData()

predictions = Table(
    "prediction",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False),
    Column("endpoint", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("arm", String, nullable=False),
    Column("entity", String),
    Column("event_at", Integer, nullable=False),
    Column("at", Integer, nullable=False),
    Column("latency_us", Integer, nullable=False),
    Column("inputs", Text, nullable=False),  # JSON object; "" for the shadow arm, whose inputs are the champion's
    Column("answer", Text, nullable=False),  # JSON: the value or the label
    Column("score", Float, nullable=False),  # the value, the positive class's probability, or the top probability
    Column("probabilities", Text),  # JSON list in the order of the classes, multiclass only
    # 1: the windows have it, or it counts nowhere; 0: left to the daemon; NULL: of a writer that does not say, see
    # SETTLED in traffic_windows.py
    Column("counted", Integer),
    UniqueConstraint("id", "version"),
    Index("ix_prediction_endpoint_event", "endpoint", "version", "event_at"),
    # by the wall clock, for the figures of a rollout's windows; they are read from the index alone
    Index("ix_prediction_endpoint_at", "endpoint", "version", "at", "arm", "latency_us"),
    Index("ix_prediction_left", "counted", sqlite_where=text("counted = 0")),
    sqlite_autoincrement=True,
)
failures = Table(
    "failure",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("endpoint", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("arm", String, nullable=False),
    Column("at", Integer, nullable=False),  # of the first of them
    Column("kind", String, nullable=False),  # a word or two
    Column("count", Integer, nullable=False),  # answers that the version could not give
    Index("ix_failure_endpoint_at", "endpoint", "version", "at"),
    sqlite_autoincrement=True,
)
labels = Table(
    "label",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("endpoint", String, nullable=False),
    Column("label", Text, nullable=False),  # JSON
    Column("at", Integer, nullable=False),
    sqlite_autoincrement=True,
)
window_counts = Table(
    "window_count",
    metadata,
    Column("endpoint", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("start", Integer, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("counts", Text, nullable=False),  # JSON of Counts; "" where the version has no profile
    Column("end", Integer),  # NULL in a store of before: as wide as the manifest says
    Column("changed", Integer, nullable=False, server_default=text("0")),  # rises with every change to any window
    Column("at", Integer, nullable=False, server_default=text("0")),  # of the last change, by the wall clock
    Index("ix_window_count_changed", "changed"),
    Index("ix_window_count_start", "endpoint", "start"),
)
widths = Table(
    "width",
    metadata,
    Column("endpoint", String, primary_key=True),
    Column("since", Integer, primary_key=True),  # event time from which windows are as wide; core/widths.py
    Column("width", Integer, nullable=False),
)
writers = Table(
    "writer",
    metadata,
    Column("name", String, primary_key=True),  # of a process that writes the log
    Column("logged", Integer, nullable=False),  # rows, ever: raised in the transaction that writes them
)
removals = Table(
    "removal",
    metadata,
    Column("endpoint", String, primary_key=True),
    Column("predictions", Integer, nullable=False),  # removed by retention, ever
    Column("labels", Integer, nullable=False),
    Column("last_at", Integer, nullable=False),  # when it last removed any
)
cursors = Table(
    "cursor",
    metadata,
    Column("name", String, primary_key=True),
    Column("seq", Integer, nullable=False),
)


class PredictionRecord(TypedDict):
    """One row of the prediction log, as the server writes it."""

    id: str
    endpoint: str
    version: int
    arm: str
    entity: str | None
    event_at: int
    at: int
    latency_us: int
    inputs: str
    answer: str
    score: float
    probabilities: str | None


class FailureRecord(TypedDict):
    """Answers that a version could not give, of one kind and near one time."""

    endpoint: str
    version: int
    arm: str
    at: int
    kind: str
    count: int


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(us: int) -> datetime:
    """The aware datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=us)


def open_traffic(path: Path) -> Database:
    """Open traffic.db, making it if need be. A power cut may take its last commits; a crash of ours may not."""
    database = Database.sqlite(path, durable=False)
    with database.read() as connection:
        found = connection.execute(text("PRAGMA user_version")).scalar_one()
    if found > SCHEMA:
        database.close()
        raise UnavailableError(
            f"the traffic store has schema {found}, this Quarterdeck knows {SCHEMA}",
            where=str(path),
            hint="upgrade Quarterdeck",
        )
    if found < SCHEMA:
        begin_new(database)
        with database.write() as tx:
            upgrade(tx, SCHEMA, metadata)
    return database


_CHUNKS = (256, 32, 4, 1)  # rows in one statement: few sizes, so that the driver keeps each compiled


PREDICTION = (*PredictionRecord.__annotations__, "counted")


def append_predictions(tx: Connection, records: Sequence[PredictionRecord], *, counted: bool | None = None) -> None:
    """Write a batch of the log. `counted`: whether the windows have these rows, or they count nowhere."""
    values = itemgetter(*PREDICTION[:-1])
    append_prediction_rows(tx, [(*values(record), counted) for record in records])


def append_prediction_rows(tx: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """The same, of rows whose values stand in the order of PREDICTION: the server makes no dict for each."""
    _append_rows(tx, "prediction", PREDICTION, rows)


def append_failures(tx: Connection, records: Sequence[FailureRecord]) -> None:
    """Write what versions could not answer."""
    _append(tx, "failure", tuple(FailureRecord.__annotations__), records)


def _append(tx: Connection, name: str, columns: tuple[str, ...], records: Sequence[Mapping[str, Any]]) -> None:
    _append_rows(tx, name, columns, list(map(itemgetter(*columns), records)))


def _append_rows(tx: Connection, name: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows a statement.

    The driver takes Python's lock back after each statement, and a busy server's loop gives it away only every few
    milliseconds: row by row, a loaded server could not keep its own log.
    """
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            values = tuple(chain.from_iterable(rows[start : start + size]))
            tx.exec_driver_sql(_insert_rows(name, columns, size), values)
            start += size


@cache
def _insert_rows(name: str, columns: tuple[str, ...], rows: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {name} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"  # noqa: S608  # our names


def known_endpoint(tx: Connection, prediction_id: str) -> str | None:
    """The endpoint that gave this prediction, or None for an unknown id."""
    query = select(predictions.c.endpoint).where(predictions.c.id == prediction_id).limit(1)
    return tx.execute(query).scalar()


def existing_label(tx: Connection, prediction_id: str) -> str | None:
    """The label (JSON) that a prediction already has."""
    return tx.execute(select(labels.c.label).where(labels.c.id == prediction_id)).scalar()


def append_labels(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep labels: id, endpoint, label (JSON text), at (microseconds)."""
    _append(tx, "label", ("id", "endpoint", "label", "at"), rows)
