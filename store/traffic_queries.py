"""What the monitor, the comparison and the console ask of traffic.db."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from quarterdeck.core.values import Arm
from quarterdeck.store.traffic import cursors, labels, predictions, window_counts


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Champion's and challenger's answer to the same request, and the label that came for it."""

    id: str
    label: str  # JSON
    champion: float
    challenger: float
    champion_probabilities: str | None
    challenger_probabilities: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """Of the answers that clients got, in milliseconds."""

    requests: int
    p50_ms: float | None
    p99_ms: float | None


def predictions_after(tx: Connection, seq: int, *, limit: int) -> list[Row[Any]]:
    """The log in the order it was written, champions' answers only."""
    query = select(predictions).where(predictions.c.seq > seq, predictions.c.arm == Arm.CHAMPION.value)
    return list(tx.execute(query.order_by(predictions.c.seq).limit(limit)))


def labelled_after(tx: Connection, seq: int, *, limit: int) -> list[Row[Any]]:
    """New labels with the champion's prediction that each is about: (seq, endpoint, version, event_at)."""
    joined = labels.join(predictions, and_(predictions.c.id == labels.c.id, predictions.c.arm == Arm.CHAMPION.value))
    columns = (labels.c.seq, labels.c.endpoint, predictions.c.version, predictions.c.event_at)
    query = select(*columns).select_from(joined).where(labels.c.seq > seq)
    return list(tx.execute(query.order_by(labels.c.seq).limit(limit)))


def scored_labels(tx: Connection, endpoint: str, version: int, start: int, end: int) -> list[Row[Any]]:
    """(label, score, probabilities) of a version's labelled predictions with event time in [start, end)."""
    joined = labels.join(predictions, predictions.c.id == labels.c.id)
    where = (
        predictions.c.endpoint == endpoint,
        predictions.c.version == version,
        predictions.c.event_at >= start,
        predictions.c.event_at < end,
    )
    columns = (labels.c.label, predictions.c.score, predictions.c.probabilities)
    return list(tx.execute(select(*columns).select_from(joined).where(*where).order_by(labels.c.seq)))


def latencies(tx: Connection, endpoint: str, version: int | None, start: int, end: int) -> Latency:
    """How fast the answers to requests with event time in [start, end) were."""
    where = [
        predictions.c.endpoint == endpoint,
        predictions.c.arm == Arm.CHAMPION.value,
        predictions.c.event_at >= start,
        predictions.c.event_at < end,
    ]
    if version is not None:
        where.append(predictions.c.version == version)
    values = [row[0] for row in tx.execute(select(predictions.c.latency_us).where(*where))]
    values.sort()
    return Latency(requests=len(values), p50_ms=_quantile(values, 0.5), p99_ms=_quantile(values, 0.99))


def pairs(tx: Connection, endpoint: str, champion: int, challenger: int) -> list[Pair]:
    """Labelled requests that both versions answered, in the order the labels came."""
    ours, theirs = predictions.alias("champion"), predictions.alias("challenger")
    joined = labels.join(ours, and_(ours.c.id == labels.c.id, ours.c.version == champion)).join(
        theirs, and_(theirs.c.id == labels.c.id, theirs.c.version == challenger)
    )
    columns = (
        labels.c.id,
        labels.c.label,
        ours.c.score,
        theirs.c.score,
        ours.c.probabilities,
        theirs.c.probabilities,
    )
    query = select(*columns).select_from(joined).where(labels.c.endpoint == endpoint).order_by(labels.c.seq)
    names = ("id", "label", "champion", "challenger", "champion_probabilities", "challenger_probabilities")
    return [Pair(**dict(zip(names, row, strict=True))) for row in tx.execute(query)]


def labelled_answers(tx: Connection, endpoint: str, *, since: int) -> list[Row[Any]]:
    """(inputs, score, probabilities, label) of clients' labelled answers given after a time of the wall clock."""
    joined = labels.join(predictions, predictions.c.id == labels.c.id)
    where = (
        predictions.c.endpoint == endpoint,
        predictions.c.arm == Arm.CHAMPION.value,
        predictions.c.at > since,
    )
    columns = (predictions.c.inputs, predictions.c.score, predictions.c.probabilities, labels.c.label)
    return list(tx.execute(select(*columns).select_from(joined).where(*where).order_by(predictions.c.seq)))


def label_count(tx: Connection, endpoint: str) -> int:
    """How many labels an endpoint has."""
    return tx.execute(select(func.count()).where(labels.c.endpoint == endpoint)).scalar_one()


def recent(tx: Connection, endpoint: str, *, limit: int) -> list[Row[Any]]:
    """The newest answers of an endpoint."""
    query = select(predictions).where(predictions.c.endpoint == endpoint)
    return list(tx.execute(query.order_by(predictions.c.seq.desc()).limit(limit)))


def watermark(tx: Connection, endpoint: str) -> int | None:
    """The newest event time an endpoint has seen, in microseconds."""
    query = select(func.max(predictions.c.event_at)).where(predictions.c.endpoint == endpoint)
    return tx.execute(query).scalar()


def counts_of(tx: Connection, endpoint: str, version: int, start: int) -> str | None:
    """The monitor's counts of a window, as JSON; None if it has none yet."""
    return counted(tx, endpoint, version, start)[1]


def counted(tx: Connection, endpoint: str, version: int, start: int) -> tuple[int, str | None]:
    """(rows, counts as JSON) of a window."""
    query = select(window_counts.c.rows, window_counts.c.counts).where(*_window(endpoint, version, start))
    row = tx.execute(query).one_or_none()
    return (0, None) if row is None else (row.rows, row.counts)


def add_counts(tx: Connection, endpoint: str, version: int, start: int, *, rows: int, counts: str) -> None:
    """Add so many rows to a window; `counts` are its new sums."""
    where = _window(endpoint, version, start)
    if tx.execute(select(window_counts.c.rows).where(*where)).scalar() is None:
        key = {"endpoint": endpoint, "version": version, "start": start}
        tx.execute(insert(window_counts).values(**key, rows=rows, counts=counts))
    else:
        more = {"rows": window_counts.c.rows + rows, "counts": counts}
        tx.execute(update(window_counts).where(*where).values(**more))


def window_keys(tx: Connection, endpoint: str, *, since: int) -> list[tuple[int, int]]:
    """(version, start) of every window that starts at `since` or later."""
    where = (window_counts.c.endpoint == endpoint, window_counts.c.start >= since)
    return [
        (version, start)
        for version, start in tx.execute(
            select(window_counts.c.version, window_counts.c.start).where(*where).order_by(window_counts.c.start)
        )
    ]


def cursor(tx: Connection, name: str) -> int:
    """How far a reader of the log has come."""
    return tx.execute(select(cursors.c.seq).where(cursors.c.name == name)).scalar() or 0


def is_counted(tx: Connection) -> bool:
    """Whether the monitor has read every answer and every label."""
    newest = select(func.max(predictions.c.seq)).where(predictions.c.arm == Arm.CHAMPION.value)
    last_answer = tx.execute(newest).scalar() or 0
    last_label = tx.execute(select(func.max(labels.c.seq))).scalar() or 0
    return cursor(tx, "counted") >= last_answer and cursor(tx, "labelled") >= last_label


def set_cursor(tx: Connection, name: str, seq: int) -> None:
    if tx.execute(select(cursors.c.seq).where(cursors.c.name == name)).scalar() is None:
        tx.execute(insert(cursors).values(name=name, seq=seq))
    else:
        tx.execute(update(cursors).where(cursors.c.name == name).values(seq=seq))


def _window(endpoint: str, version: int, start: int) -> tuple[Any, ...]:
    where = window_counts.c
    return (where.endpoint == endpoint, where.version == version, where.start == start)


def _quantile(ordered: list[int], q: float) -> float | None:
    """The nearest-rank quantile of sorted microseconds, in milliseconds."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] / 1000
