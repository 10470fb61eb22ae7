"""Entries of the ledger by who, what and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection

from quarterdeck.core.errors import UsageError
from quarterdeck.core.ledger import Entry
from quarterdeck.core.rights import person_of
from quarterdeck.core.toml_table import expected_names
from quarterdeck.store import ledger

# Every act that makes an entry; a test holds the list against the code.
ACTS = (
    "abort_rollout", "acknowledge", "approve", "challenge", "create_token", "demote", "discard_notification",
    "end_silence", "gate_set", "grant", "import", "keep_expected", "pause_rollout", "pause_trigger", "promote",
    "refused", "register", "resolve_alert", "resume_rollout", "resume_trigger", "retire", "retry_notification",
    "revoke", "revoke_token", "rollback", "rotate_token", "silence", "split", "start_rollout", "test_notification",
    "unapprove", "undo", "unretire", "withdraw",
)  # fmt: skip
_PAGE = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which entries; None: whatever it is. `by` is a person, or an account as it stands in the entry."""

    subject: str | None = None
    act: str | None = None
    by: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def search(tx: Connection, wanted: Wanted, *, limit: int, offset: int = 0) -> list[Entry]:
    """The newest first. UsageError for an act that there is not."""
    if wanted.act is not None and wanted.act not in ACTS and not ledger.entries(tx, act=wanted.act, limit=1):
        raise UsageError(f"there is no act {wanted.act!r}", hint=expected_names(wanted.act, ACTS))
    if wanted.by is None and wanted.since is None and wanted.until is None:
        return ledger.entries(tx, subject=wanted.subject, act=wanted.act, limit=limit, offset=offset)
    return list(islice((entry for entry in _all(tx, wanted) if _fits(entry, wanted)), offset, offset + limit))


def _all(tx: Connection, wanted: Wanted) -> Iterator[Entry]:
    start = 0
    while page := ledger.entries(tx, subject=wanted.subject, act=wanted.act, limit=_PAGE, offset=start):
        yield from page
        start += _PAGE


def _fits(entry: Entry, wanted: Wanted) -> bool:
    return (
        (wanted.by is None or wanted.by in (entry.actor, person_of(entry.actor)))
        and (wanted.since is None or entry.at >= wanted.since)
        and (wanted.until is None or entry.at < wanted.until)
    )
