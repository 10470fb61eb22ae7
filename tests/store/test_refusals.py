"""Refusals in the ledger are kept, and bounded."""

from __future__ import annotations

from datetime import datetime, timedelta

from quarterdeck.core.errors import NotAllowedError
from quarterdeck.core.ledger import Audit
from quarterdeck.store import ledger, refusals
from quarterdeck.store.engine import Database

ERROR = NotAllowedError("eve may not", hint="ask root")


def note(database: Database, at: datetime, *, actor: str = "eve", subject: str = "flights@1") -> bool:
    audit = Audit(actor=actor, environment="production", at=at, reason=ERROR.message)
    with database.write() as tx:
        return refusals.note(tx, audit, ERROR, wanted="promote", right="force", subject=subject)


def test_a_refusal_says_what_was_wanted_and_who_may(database: Database, now: datetime) -> None:
    assert note(database, now)
    with database.read() as tx:
        (entry,) = ledger.entries(tx, act="refused")
    assert (entry.actor, entry.subject, entry.reason) == ("eve", "flights@1", "eve may not")
    assert entry.evidence == {"wanted": "promote", "right": "force", "hint": "ask root"}


def test_the_same_within_a_minute_is_kept_once(database: Database, now: datetime) -> None:
    assert note(database, now)
    assert not note(database, now + timedelta(seconds=59))
    assert note(database, now + timedelta(seconds=60))
    assert note(database, now + timedelta(seconds=60), actor="bob")
    assert note(database, now + timedelta(seconds=61), subject="flights@2")


def test_whoever_tries_everything_leaves_a_bounded_trace(database: Database, now: datetime) -> None:
    kept = [note(database, now, subject=f"flights@{number}" + "x" * 10_000) for number in range(50)]
    assert sum(kept) == refusals.MOST
    with database.read() as tx:
        assert all(len(entry.subject) <= 200 for entry in ledger.entries(tx))
    assert note(database, now + timedelta(minutes=2))
