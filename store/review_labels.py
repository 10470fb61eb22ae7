"""What becomes of people's labels: they are used, each with an entry of the ledger that vouches for it.

Labels are many and an entry for each would hide what else the ledger says, so one entry vouches for all that were used
at once: how many of whom, and a digest of every word. `audit verify` makes the digest again from the rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from quarterdeck.core.ledger import Audit, canonical_json
from quarterdeck.core.review import GRACE, State
from quarterdeck.core.review_item import Item
from quarterdeck.store import ledger
from quarterdeck.store.reviews import to_item
from quarterdeck.store.rows import table
from quarterdeck.store.tables import DecisionRow, ReviewRow

ACT = "review_labels"
_review = table(ReviewRow)
_decision = table(DecisionRow)
_CHUNK = 500


def due(tx: Connection, environment: str, now: datetime, *, limit: int) -> list[Item]:
    """Decided items that can be taken back no more, the oldest first."""
    where = (
        _review.c.environment == environment,
        _review.c.state == State.DECIDED.value,
        _review.c.decided_at <= now - GRACE,
    )
    query = select(_review).where(*where).order_by(_review.c.decided_at, _review.c.id).limit(limit)
    return [to_item(row) for row in tx.execute(query)]


def use(tx: Connection, model: str, items: Sequence[int], audit: Audit) -> list[int]:
    """Mark decided items of a model as used, with one ledger entry; gives those that still were decided."""
    used = []
    for item_id in items:
        same = (_review.c.id == item_id, _review.c.state == State.DECIDED.value)
        done = update(_review).where(*same).values(state=State.USED.value, closed_at=audit.at)
        used += [item_id] if tx.execute(done).rowcount else []
    if not used:
        return []
    rows = _words(tx, items=used)
    people = dict(sorted(Counter(row.person for row in rows).items()))
    evidence = audit.adding(labels=len(used), decisions=people, digest=_digest(rows))
    entry = ledger.append(tx, evidence, act=ACT, subject=model)
    for start in range(0, len(used), _CHUNK):
        mine = (_decision.c.review_id.in_(used[start : start + _CHUNK]), _decision.c.undone_at.is_(None))
        tx.execute(update(_decision).where(*mine).values(ledger_seq=entry.seq))
    return used


def digests(tx: Connection) -> dict[int, str]:
    """Ledger entry -> the digest of the decisions that it vouches for, from the rows as they stand."""
    found: dict[int, list[Row[Any]]] = {}
    for row in _words(tx):
        found.setdefault(row.ledger_seq, []).append(row)
    return {seq: _digest(rows) for seq, rows in found.items()}


def used(tx: Connection, environment: str, model: str) -> list[tuple[Item, list[str]]]:
    """Every used item with the people who judged it, the oldest label first."""
    where = (
        _review.c.environment == environment,
        _review.c.model == model,
        _review.c.state == State.USED.value,
    )
    items = [to_item(row) for row in tx.execute(select(_review).where(*where).order_by(_review.c.decided_at))]
    people: dict[int, list[str]] = {}
    joined = _decision.join(_review, _review.c.id == _decision.c.review_id)
    said = select(_decision.c.review_id, _decision.c.person).select_from(joined)
    for item, person in tx.execute(said.where(*where, _decision.c.undone_at.is_(None)).order_by(_decision.c.id)):
        people.setdefault(item, []).append(person)
    return [(item, people.get(item.id, [])) for item in items]


def _words(tx: Connection, *, items: Sequence[int] | None = None) -> list[Row[Any]]:
    """Decisions that count, with the prediction and the label of their item: of some items, or all that were used."""
    joined = _decision.join(_review, _review.c.id == _decision.c.review_id)
    columns = (*_decision.c, _review.c.prediction_id, _review.c.label.label("settled"))
    query = select(*columns).select_from(joined).order_by(_decision.c.id)
    if items is None:
        return list(tx.execute(query.where(_decision.c.ledger_seq.is_not(None))))
    found: list[Row[Any]] = []
    for start in range(0, len(items), _CHUNK):
        some = items[start : start + _CHUNK]
        found += tx.execute(query.where(_decision.c.review_id.in_(some), _decision.c.undone_at.is_(None))).all()
    return sorted(found, key=lambda row: row.id)


def _digest(rows: Iterable[Row[Any]]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        word = [row.id, row.prediction_id, row.person, row.label, row.because, row.decided_at, row.settled]
        digest.update(f"{canonical_json(word)}\n".encode())
    return digest.hexdigest()
