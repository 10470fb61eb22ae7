"""What the monitor, comparisons, rollouts and the console ask of traffic.db.

What clients got are the rows of the champion's and the challenger's arm; shadow answers are not, and answers of a
version that was asked for by its number stand apart from all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, delete, func, insert, select, update

from quarterdeck.core.values import CLIENT_ARMS, Arm
from quarterdeck.store.traffic import cursors, failures, labels, predictions, window_counts
from quarterdeck.store.traffic_windows import SPAN, all_counted

SEEN = "seen"  # the cursor of the monitor: the greatest `changed` of a window that it has judged
NEWEST = 20_000  # answers that the quantiles of a window of the wall clock are taken from
_of_clients = predictions.c.arm.in_([arm.value for arm in CLIENT_ARMS])


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Champion's and challenger's answer to the same row, and the label that came for it."""

    id: str
    label: str  # JSON
    champion: float
    challenger: float
    champion_probabilities: str | None
    challenger_probabilities: str | None
    inputs: str  # JSON object: the row as the client sent it
    entity: str | None
    champion_latency_us: int
    challenger_latency_us: int
    at: int  # when the label came, microseconds since 1970


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmRow:
    """One version's answer to a row, and the label that came for it."""

    id: str
    label: str  # JSON
    score: float
    probabilities: str | None
    inputs: str  # JSON object: the row as the client sent it
    entity: str | None
    latency_us: int
    at: int  # when the label came, microseconds since 1970


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmFigures:
    """How one version did in some arms, by the wall clock. Counted in rows: a request of ten rows counts ten."""

    requests: int  # rows that it was asked for: those it answered, and the failures
    failures: int  # rows that it could not answer, in time or at all
    error_rate: float | None  # failures / requests; None without requests
    p50_ms: float | None  # of its answers; None without any
    p99_ms: float | None
    kinds: Mapping[str, int]  # the failures, by what went wrong


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """Of the answers that clients got, in milliseconds."""

    requests: int
    p50_ms: float | None
    p99_ms: float | None


def predictions_after(tx: Connection, seq: int, *, limit: int) -> list[Row[Any]]:
    """The log in the order it was written, clients' answers only, from its next `SPAN` rows."""
    query = select(predictions).where(predictions.c.seq > seq, predictions.c.seq <= seq + SPAN, _of_clients)
    return list(tx.execute(query.order_by(predictions.c.seq).limit(limit)))


def labelled_after(tx: Connection, seq: int, *, limit: int) -> list[Row[Any]]:
    """New labels with the answer that the client got: (seq, endpoint, version, event_at)."""
    joined = labels.join(predictions, and_(predictions.c.id == labels.c.id, _of_clients))
    columns = (labels.c.seq, labels.c.endpoint, predictions.c.version, predictions.c.event_at)
    query = select(*columns).select_from(joined).where(labels.c.seq > seq)
    return list(tx.execute(query.order_by(labels.c.seq).limit(limit)))


def scored_labels(tx: Connection, endpoint: str, version: int, start: int, end: int) -> list[Row[Any]]:
    """(label, score, probabilities) of a version's labelled answers to clients with event time in [start, end)."""
    joined = labels.join(predictions, predictions.c.id == labels.c.id)
    where = (
        predictions.c.endpoint == endpoint,
        predictions.c.version == version,
        _of_clients,
        predictions.c.event_at >= start,
        predictions.c.event_at < end,
    )
    columns = (labels.c.label, predictions.c.score, predictions.c.probabilities)
    return list(tx.execute(select(*columns).select_from(joined).where(*where).order_by(labels.c.seq)))


def latencies(tx: Connection, endpoint: str, version: int | None, start: int, end: int) -> Latency:
    """How fast the answers to requests with event time in [start, end) were."""
    where = [
        predictions.c.endpoint == endpoint,
        _of_clients,
        predictions.c.event_at >= start,
        predictions.c.event_at < end,
    ]
    if version is not None:
        where.append(predictions.c.version == version)
    values = [row[0] for row in tx.execute(select(predictions.c.latency_us).where(*where))]
    values.sort()
    return Latency(requests=len(values), p50_ms=quantile_ms(values, 0.5), p99_ms=quantile_ms(values, 0.99))


def pairs(tx: Connection, endpoint: str, champion: int, challenger: int, *, limit: int | None = None) -> list[Pair]:
    """Labelled rows that both versions answered, in the order the labels came; the first `limit` of them."""
    ours, theirs = predictions.alias("champion"), predictions.alias("challenger")
    joined = labels.join(ours, and_(ours.c.id == labels.c.id, ours.c.version == champion)).join(
        theirs, and_(theirs.c.id == labels.c.id, theirs.c.version == challenger)
    )
    columns = (
        labels.c.id,
        labels.c.label,
        ours.c.score.label("champion"),
        theirs.c.score.label("challenger"),
        ours.c.probabilities.label("champion_probabilities"),
        theirs.c.probabilities.label("challenger_probabilities"),
        # a champion that answered in shadow before its promotion has its rows with the one it replaced
        func.coalesce(func.nullif(ours.c.inputs, ""), theirs.c.inputs).label("inputs"),
        ours.c.entity,
        ours.c.latency_us.label("champion_latency_us"),
        theirs.c.latency_us.label("challenger_latency_us"),
        labels.c.at,
    )
    # the challenger's answers are the fewest: named by endpoint, they are found by their index
    where = (labels.c.endpoint == endpoint, theirs.c.endpoint == endpoint)
    query = select(*columns).select_from(joined).where(*where).order_by(labels.c.seq).limit(limit)
    return [Pair(**row._mapping) for row in tx.execute(query)]


def arm_rows(
    tx: Connection, endpoint: str, version: int, arms: Iterable[Arm], *, since: int = 0, limit: int | None = None
) -> list[ArmRow]:
    """A version's labelled answers in these arms, given at `since` of the wall clock (microseconds) or later.

    In the order the labels came; the first `limit` of them.
    """
    asked = predictions.alias("asked")  # a shadow answer's inputs are kept with the answer that the client got
    sent = and_(asked.c.id == predictions.c.id, predictions.c.inputs == "", asked.c.inputs != "")
    joined = labels.join(predictions, predictions.c.id == labels.c.id).outerjoin(asked, sent)
    columns = (
        labels.c.id,
        labels.c.label,
        predictions.c.score,
        predictions.c.probabilities,
        func.coalesce(asked.c.inputs, predictions.c.inputs).label("inputs"),
        predictions.c.entity,
        predictions.c.latency_us,
        labels.c.at,
    )
    given = (predictions.c.endpoint == endpoint, predictions.c.version == version, predictions.c.at >= since)
    where = (labels.c.endpoint == endpoint, *given, _in(predictions, arms))
    query = select(*columns).select_from(joined).where(*where).order_by(labels.c.seq).limit(limit)
    return [ArmRow(**row._mapping) for row in tx.execute(query)]


def arm_figures(
    tx: Connection, endpoint: str, version: int, *, arms: Iterable[Arm], since: int, until: int
) -> ArmFigures:
    """What a version answered, and what it could not, in [since, until) of the wall clock, in microseconds.

    Counts are exact; the quantiles (nearest rank) are of the newest 20,000 answers at most.
    """
    wanted = tuple(arms)
    where = _during(predictions, endpoint, version, wanted, since, until)
    answered = tx.execute(select(func.count()).select_from(predictions).where(*where)).scalar_one()
    newest = select(predictions.c.latency_us).where(*where).order_by(predictions.c.at.desc()).limit(NEWEST)
    values = sorted(tx.execute(newest).scalars())
    kinds = _failures(tx, _during(failures, endpoint, version, wanted, since, until))
    failed = sum(kinds.values())
    return ArmFigures(
        requests=answered + failed,
        failures=failed,
        error_rate=failed / (answered + failed) if answered + failed else None,
        p50_ms=quantile_ms(values, 0.5),
        p99_ms=quantile_ms(values, 0.99),
        kinds=kinds,
    )


def _failures(tx: Connection, where: tuple[Any, ...]) -> dict[str, int]:
    query = select(failures.c.kind, func.sum(failures.c.count)).where(*where)
    return {kind: int(number) for kind, number in tx.execute(query.group_by(failures.c.kind).order_by(failures.c.kind))}


def _during(kept: Table, endpoint: str, version: int, arms: Iterable[Arm], since: int, until: int) -> tuple[Any, ...]:
    at = kept.c.at
    return (kept.c.endpoint == endpoint, kept.c.version == version, at >= since, at < until, _in(kept, arms))


def _in(kept: Table, arms: Iterable[Arm]) -> Any:
    return kept.c.arm.in_([arm.value for arm in arms])


def labelled_answers(tx: Connection, endpoint: str, *, since: int) -> list[Row[Any]]:
    """(inputs, score, probabilities, label) of clients' labelled answers given after a time of the wall clock."""
    joined = labels.join(predictions, predictions.c.id == labels.c.id)
    where = (
        predictions.c.endpoint == endpoint,
        _of_clients,
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


def newest_window(tx: Connection, endpoint: str, *, until: int) -> int | None:
    """The start of the newest window into which an answer was counted and that begins by then, in microseconds."""
    mine = (window_counts.c.endpoint == endpoint, window_counts.c.start <= until)
    query = select(func.max(window_counts.c.start)).where(*mine)
    return tx.execute(query).scalar()


def counted(tx: Connection, endpoint: str, version: int, start: int) -> tuple[int, str | None]:
    """(rows, counts as JSON) of a window."""
    query = select(window_counts.c.rows, window_counts.c.counts).where(*_window(endpoint, version, start))
    row = tx.execute(query).one_or_none()
    return (0, None) if row is None else (row.rows, row.counts)


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
    """Whether every answer is counted, and the monitor has seen every window that changed and every label."""
    counting = labels.join(predictions, and_(predictions.c.id == labels.c.id, _of_clients))
    newest_label = select(labels.c.seq).select_from(counting).order_by(labels.c.seq.desc()).limit(1)
    last_label = tx.execute(newest_label).scalar() or 0
    changed = tx.execute(select(func.max(window_counts.c.changed))).scalar() or 0
    return cursor(tx, SEEN) >= changed and cursor(tx, "labelled") >= last_label and all_counted(tx)


def set_cursor(tx: Connection, name: str, seq: int) -> None:
    if tx.execute(select(cursors.c.seq).where(cursors.c.name == name)).scalar() is None:
        tx.execute(insert(cursors).values(name=name, seq=seq))
    else:
        tx.execute(update(cursors).where(cursors.c.name == name).values(seq=seq))


def clear_cursor(tx: Connection, name: str) -> None:
    """Forget a reader that has come to its end."""
    tx.execute(delete(cursors).where(cursors.c.name == name))


def _window(endpoint: str, version: int, start: int) -> tuple[Any, ...]:
    where = window_counts.c
    return (where.endpoint == endpoint, where.version == version, where.start == start)


def quantile_ms(ordered: list[int], q: float) -> float | None:
    """The nearest-rank quantile of sorted microseconds, in milliseconds."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] / 1000
