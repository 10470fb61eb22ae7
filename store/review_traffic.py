"""What the review queue reads from the prediction log, and the labels that it writes there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from quarterdeck.core.values import CLIENT_ARMS
from quarterdeck.store.labels import endpoints_of, labels_of
from quarterdeck.store.traffic import append_labels, labels, micros, predictions
from quarterdeck.store.traffic_windows import SPAN

_p = predictions.c
_CHUNK = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What came of labels: kept now or before, or the other label that a prediction has already."""

    kept: frozenset[str]
    others: Mapping[str, str]  # prediction id -> the label in the log, JSON


def answers_after(tx: Connection, seq: int, endpoints: Sequence[str], *, limit: int, inputs: bool) -> list[Row[Any]]:
    """(seq, id, endpoint, version, at, score, probabilities) of what clients got, from the log's next `SPAN` rows.

    `inputs`: with what was asked as well, which costs more.
    """
    columns = [_p.seq, _p.id, _p.endpoint, _p.version, _p.at, _p.score, _p.probabilities]
    if inputs:
        columns.append(_p.inputs)
    where = (
        _p.seq > seq,
        _p.seq <= seq + SPAN,
        _p.endpoint.in_(endpoints),
        _p.arm.in_([arm.value for arm in CLIENT_ARMS]),
    )
    return list(tx.execute(select(*columns).where(*where).order_by(_p.seq).limit(limit)))


def next_place(tx: Connection, seq: int, found: Sequence[Row[Any]], *, limit: int) -> int:
    """Where answers_after() goes on in the same transaction: also past rows that are no clients'."""
    if len(found) == limit:
        return int(found[-1].seq)
    newest = tx.execute(select(func.max(_p.seq))).scalar() or 0
    return max(seq, min(newest, seq + SPAN))


def whole_rows(tx: Connection, seqs: Sequence[int]) -> list[Row[Any]]:
    """The rows with these numbers, as far as they are still there."""
    found: list[Row[Any]] = []
    for start in range(0, len(seqs), _CHUNK):
        found += tx.execute(select(predictions).where(_p.seq.in_(seqs[start : start + _CHUNK]))).all()
    return found


def labels_after(tx: Connection, seq: int, *, limit: int) -> list[Row[Any]]:
    """(seq, id, label) of the labels beyond one, in the order they came."""
    query = select(labels.c.seq, labels.c.id, labels.c.label).where(labels.c.seq > seq)
    return list(tx.execute(query.order_by(labels.c.seq).limit(limit)))


def newest_label(tx: Connection) -> int:
    """The greatest number of a label; 0 where there is none."""
    return tx.execute(select(func.max(labels.c.seq))).scalar() or 0


def write_labels(tx: Connection, wanted: Mapping[str, str], now: datetime) -> Written:
    """Keep labels (prediction id -> JSON) as /feedback keeps them: the first label of a prediction stays.

    A prediction that the log has forgotten gets none there; it counts as kept.
    """
    ids = list(wanted)
    there, known = endpoints_of(tx, ids), labels_of(tx, ids)
    new = [name for name in ids if name in there and name not in known]
    rows = [{"id": name, "endpoint": there[name], "label": wanted[name], "at": micros(now)} for name in new]
    append_labels(tx, rows)
    others = {name: label for name, label in known.items() if label != wanted[name]}
    return Written(kept=frozenset(name for name in ids if name not in others), others=others)
