"""What was tried and refused, in the ledger, and bounded: nobody can fill it by being refused again and again."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from quarterdeck.core.errors import NotAllowedError
from quarterdeck.core.ledger import Audit
from quarterdeck.store import ledger
from quarterdeck.store.rows import table
from quarterdeck.store.tables import LedgerRow

_ledger = table(LedgerRow)

SPAN = timedelta(minutes=1)
MOST = 10  # refusals of one actor that are kept in a SPAN; the same one is kept once
_LONGEST = 200  # characters of a subject, which may be anything that was typed


def note(tx: Connection, audit: Audit, error: NotAllowedError, *, wanted: str, right: str, subject: str) -> bool:
    """Keep that an act was refused, who has the right, and why; whether it was kept (see SPAN and MOST)."""
    subject = subject[:_LONGEST]
    said = audit.adding(wanted=wanted, right=right, hint=error.hint)
    recent = _recent(tx, audit.actor, audit.at)
    if len(recent) >= MOST or (subject, audit.reason) in recent:
        return False
    ledger.append(tx, said, act="refused", subject=subject)
    return True


def _recent(tx: Connection, actor: str, now: datetime) -> list[tuple[str, str]]:
    """Subject and reason of the actor's refusals within the last SPAN. Newest first; the index on `act` finds them."""
    query = select(_ledger.c.at, _ledger.c.subject, _ledger.c.reason)
    query = query.where(_ledger.c.act == "refused", _ledger.c.actor == actor).order_by(_ledger.c.seq.desc())
    rows = tx.execute(query.limit(MOST))
    return [(row.subject, row.reason) for row in rows if now - SPAN < datetime.fromisoformat(row.at) <= now]
