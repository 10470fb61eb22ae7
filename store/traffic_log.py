"""What a person asks of the prediction log: pages of it, its end as it grows, and how much it holds.

Times that bound a question are of the wall clock: when an answer was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, String, case, func, literal_column, select

from quarterdeck.store.traffic import labels, micros, moment, predictions

_p = predictions.c
_asked = predictions.alias("asked")  # a shadow answer's inputs are kept with the answer that the client got
# of a classifier: how sure it is of the label it named; a binary score is the positive class's probability
_confidence = case((_p.probabilities.is_not(None), _p.score), else_=func.max(_p.score, 1 - _p.score))


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Which rows are meant; None asks for nothing."""

    endpoint: str | None = None
    version: int | None = None
    arm: str | None = None
    entity: str | None = None
    id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    labelled: bool | None = None
    confidence_below: float | None = None  # of classifiers only: the caller sees to that


@dataclass(frozen=True, kw_only=True, slots=True)
class Logged:
    """One answer, and its label where one came. What JSON was sent or answered is kept as text."""

    seq: int  # in the order the log was written
    id: str
    endpoint: str
    version: int
    arm: str
    entity: str | None
    event_at: datetime
    at: datetime
    latency_us: int
    inputs: str  # a JSON object; "" where the answer it belongs to is gone
    answer: str  # JSON
    score: float
    probabilities: str | None  # a JSON list, multiclass only
    label: str | None  # JSON
    labelled_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """What one version did in one arm, as far as the log still holds it."""

    endpoint: str
    version: int
    arm: str
    rows: int
    first: datetime
    last: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Extent:
    """Where rows lie in the order the log was written: from `first` to `last`, which is less where there are none."""

    rows: int | None  # None where only reading them tells
    first: int
    last: int


def page(tx: Connection, asked: Asked, *, limit: int, before: int | None = None) -> list[Logged]:
    """The newest first; `before`: older than the row with this `seq`."""
    query = _rows(asked).order_by(_p.seq.desc()).limit(limit)
    return _found(tx, query if before is None else query.where(_p.seq < before))


def following(tx: Connection, asked: Asked, *, after: int, upto: int | None = None, limit: int) -> list[Logged]:
    """In the order they were written, from beyond `after` on."""
    query = _rows(asked).where(_p.seq > after).order_by(_p.seq).limit(limit)
    return _found(tx, query if upto is None else query.where(_p.seq <= upto))


def raw_following(tx: Connection, asked: Asked, *, after: int, upto: int, limit: int) -> Sequence[Row[Any]]:
    """The same as rows with the columns of Logged, but times are microseconds: for whoever reads a million of them."""
    query = _rows(asked).where(_p.seq > after, _p.seq <= upto).order_by(_p.seq).limit(limit)
    return tx.execute(query).all()


def extent(tx: Connection, asked: Asked) -> Extent:
    """Where the rows that are asked for lie; read from an index alone."""
    bounds = replace(asked, entity=None, id=None, labelled=None, confidence_below=None)
    query = select(func.count(), func.min(_p.seq), func.max(_p.seq)).where(*_where(bounds, by_seq=False))
    rows, first, last = tx.execute(query).one()
    return Extent(rows=rows if bounds == asked else None, first=first or 1, last=last or 0)


def newest(tx: Connection) -> int:
    """The greatest `seq` of the log; 0 where it is empty."""
    return tx.execute(select(func.max(_p.seq))).scalar() or 0


def shares(tx: Connection) -> list[Share]:
    """How many rows there are, by endpoint, version and arm; read from an index alone."""
    key = (_p.endpoint, _p.version, _p.arm)
    query = select(*key, func.count(), func.min(_p.at), func.max(_p.at)).group_by(*key).order_by(*key)
    return [
        Share(endpoint=endpoint, version=version, arm=arm, rows=rows, first=moment(first), last=moment(last))
        for endpoint, version, arm, rows, first, last in tx.execute(query)
    ]


def has_endpoint(tx: Connection, endpoint: str) -> bool:
    """Whether an endpoint of this name has answered anything that is still here."""
    return tx.execute(select(_p.seq).where(_p.endpoint == endpoint).limit(1)).scalar() is not None


def label_counts(tx: Connection) -> dict[str, int]:
    """Endpoint -> how many labels it has."""
    rows = tx.execute(select(labels.c.endpoint, func.count()).group_by(labels.c.endpoint))
    return {endpoint: number for endpoint, number in rows}


def older_than(tx: Connection, at: datetime) -> int:
    """How many answers were given before a time."""
    return tx.execute(select(func.count()).select_from(predictions).where(_p.at < micros(at))).scalar_one()


def _rows(asked: Asked) -> Select[Any]:
    joined = predictions.outerjoin(labels, labels.c.id == _p.id)
    theirs = select(_asked.c.inputs).where(_asked.c.id == _p.id, _asked.c.inputs != "").limit(1).scalar_subquery()
    inputs = case((_p.inputs == "", func.coalesce(theirs, "")), else_=_p.inputs).label("inputs")
    columns = [inputs if column.name == "inputs" else column for column in _p if column.name != "counted"]
    query = select(*columns, labels.c.label, labels.c.at.label("labelled_at")).select_from(joined)
    return query.where(*_where(asked, by_seq=asked.id is None))


def _where(asked: Asked, *, by_seq: bool) -> list[Any]:
    """`by_seq`: the rows are wanted in their order. With the index on the endpoint, all of its rows would be sorted for
    each page.
    """
    endpoint = literal_column("+prediction.endpoint", String) if by_seq else _p.endpoint
    where = [
        column == value
        for column, value in (
            (endpoint, asked.endpoint),
            (_p.version, asked.version),
            (_p.arm, asked.arm),
            (_p.entity, asked.entity),
            (_p.id, asked.id),
        )
        if value is not None
    ]
    if asked.since is not None:
        where.append(_p.at >= micros(asked.since))
    if asked.until is not None:
        where.append(_p.at < micros(asked.until))
    if asked.labelled is not None:
        where.append(labels.c.seq.is_not(None) if asked.labelled else labels.c.seq.is_(None))
    if asked.confidence_below is not None:
        where.append(_confidence < asked.confidence_below)
    return where


def _found(tx: Connection, query: Select[Any]) -> list[Logged]:
    return [
        Logged(
            **{
                **row._mapping,
                "event_at": moment(row.event_at),
                "at": moment(row.at),
                "labelled_at": None if row.labelled_at is None else moment(row.labelled_at),
            }
        )
        for row in tx.execute(query)
    ]
