"""The ledger in the store: entries are appended inside the act's own transaction, and can be asked. auditing.py holds
them, and the tables, against each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.ledger import Audit, Entry, canonical_json, make_entry
from quarterdeck.store.rows import table
from quarterdeck.store.tables import LedgerRow

_ledger = table(LedgerRow)
# Made once: a statement takes longer to build than to run.
_LAST = select(_ledger).order_by(_ledger.c.seq.desc()).limit(1)
_INSERT = insert(_ledger)


def append(tx: Connection, audit: Audit, *, act: str, subject: str, before: Any = None, after: Any = None) -> Entry:
    """Add an entry behind the last one. The caller's write transaction keeps others from doing the same."""
    row = tx.execute(_LAST).one_or_none()
    previous = None if row is None else _to_entry(row)
    entry = make_entry(previous=previous, audit=audit, act=act, subject=subject, before=before, after=after)
    tx.execute(_INSERT, _to_row(entry))
    return entry


def entries(
    tx: Connection, *, subject: str | None = None, act: str | None = None, limit: int = 100, offset: int = 0
) -> list[Entry]:
    """The newest first. `subject` is a model ("flights") or a version ("flights@3")."""
    query = select(_ledger).order_by(_ledger.c.seq.desc()).limit(limit).offset(offset)
    if subject is not None:
        same = _ledger.c.subject == subject
        query = query.where(same if "@" in subject else same | _ledger.c.subject.startswith(f"{subject}@"))
    if act is not None:
        query = query.where(_ledger.c.act == act)
    return [_to_entry(row) for row in tx.execute(query)]


def of_model(
    tx: Connection, model: str, environment: str, *, acts: Sequence[str], after: int = 0, limit: int | None = None
) -> list[Entry]:
    """The entries of these acts on a model and its versions here, behind entry `after`; the newest first."""
    same = (_ledger.c.subject == model) | _ledger.c.subject.startswith(f"{model}@", autoescape=True)
    query = select(_ledger).where(same, _ledger.c.environment == environment, _ledger.c.act.in_(acts))
    query = query.where(_ledger.c.seq > after).order_by(_ledger.c.seq.desc()).limit(limit)
    return [_to_entry(row) for row in tx.execute(query)]


def get(tx: Connection, seq: int) -> Entry:
    row = tx.execute(select(_ledger).where(_ledger.c.seq == seq)).one_or_none()
    if row is None:
        raise NotFoundError(f"the ledger has no entry {seq}", hint="`quarterdeck audit list` shows them")
    return _to_entry(row)


def chain(tx: Connection, *, acts: Sequence[str], upto: int | None = None) -> Iterator[Entry]:
    """All entries of these acts, up to and with entry `upto`, the oldest first."""
    query = select(_ledger).where(_ledger.c.act.in_(acts)).order_by(_ledger.c.seq)
    for row in tx.execute(query if upto is None else query.where(_ledger.c.seq <= upto)):
        yield _to_entry(row)


def knows_hash(tx: Connection, noted: str) -> bool:
    """Whether an entry has this hash: one that was noted elsewhere shows that nothing before it was replaced."""
    return tx.execute(select(_ledger.c.seq).where(_ledger.c.hash == noted)).first() is not None


def every(tx: Connection) -> Iterator[Entry]:
    """All entries, the oldest first."""
    for row in tx.execute(select(_ledger).order_by(_ledger.c.seq)):
        yield _to_entry(row)


def _to_row(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "act": entry.act,
        "subject": entry.subject,
        "environment": entry.environment,
        "reason": entry.reason,
        "evidence": canonical_json(entry.evidence),
        "before": canonical_json(entry.before),
        "after": canonical_json(entry.after),
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }


def _to_entry(row: Row[Any]) -> Entry:
    """A row that was tampered with still becomes an entry, if at all possible: verify must be able to name it."""
    return Entry(
        seq=row.seq,
        at=datetime.fromisoformat(row.at),
        actor=row.actor,
        act=row.act,
        subject=row.subject,
        environment=row.environment,
        reason=row.reason,
        evidence=_loads(row.evidence),
        before=_loads(row.before),
        after=_loads(row.after),
        previous_hash=row.previous_hash,
        hash=row.hash,
    )


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text  # its hash will not match
