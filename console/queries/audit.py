"""The ledger as a screen: its entries, one of them whole, and what was live then."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.console.queries.questions import AskAudit
from quarterdeck.console.queries.timeline import from_entry, movement
from quarterdeck.console.queries.undoing import taken_back
from quarterdeck.console.queries.values_audit import EntryDetail, EntryRow, Ledger, LiveThen
from quarterdeck.core.errors import IntegrityError, NotFoundError, QuarterdeckError
from quarterdeck.core.ledger import Entry
from quarterdeck.store import ledger
from quarterdeck.store.live_at import ACTS, live_from

_EVER = datetime.max.replace(tzinfo=UTC)


def screen(tx: Connection, environment: str, asked: AskAudit) -> Ledger:
    """The newest entries first, of one model where that is asked."""
    found = ledger.entries(tx, subject=asked.model, limit=asked.limit)
    chosen = _chosen(tx, asked.selected) or next(iter(found), None)
    return Ledger(
        entries=tuple(entry_row(entry) for entry in found),
        detail=None if chosen is None else _detail(tx, environment, chosen),
        live=() if chosen is None else _live(tx, chosen),
    )


def _chosen(tx: Connection, seq: int | None) -> Entry | None:
    try:
        return None if seq is None else ledger.get(tx, seq)
    except NotFoundError:
        return None


def entry_row(entry: Entry) -> EntryRow:
    return EntryRow(
        seq=entry.seq,
        at=entry.at,
        actor=entry.actor,
        act=entry.act,
        subject=entry.subject,
        environment=entry.environment,
        reason=entry.reason,
        moved=movement(entry.before, entry.after),
        tone=from_entry(entry).tone,
    )


def _detail(tx: Connection, environment: str, entry: Entry) -> EntryDetail:
    evidence = entry.evidence if isinstance(entry.evidence, dict) else {"evidence": entry.evidence}
    return EntryDetail(
        row=entry_row(entry),
        changes=_changes(entry.before, entry.after),
        evidence=tuple(line for name, value in evidence.items() for line in _lines(name, value)),
        previous_hash=entry.previous_hash,
        hash=entry.hash,
        undoes=_undoes(tx, environment, entry),
    )


def _undoes(tx: Connection, environment: str, entry: Entry) -> str:
    try:
        taken_back(tx, environment, entry)
    except QuarterdeckError as error:
        return error.message
    return ""


def _changes(before: Any, after: Any) -> tuple[tuple[str, str, str], ...]:
    """Name by name, those that differ; two texts where they are no tables."""
    if not isinstance(before, dict | None) or not isinstance(after, dict | None):
        return (("", _text(before), _text(after)),)
    before, after = before or {}, after or {}
    names = [*before, *(name for name in after if name not in before)]
    return tuple(
        (name, _text(before.get(name)), _text(after.get(name))) for name in names if before.get(name) != after.get(name)
    )


def _lines(name: str, value: Any) -> list[tuple[str, str]]:
    """A table in the evidence is told name by name, below its own."""
    if not isinstance(value, dict) or not any(isinstance(part, dict | list) for part in value.values()):
        return [(name, _text(value))]
    told = [(f"  {key.replace('_', ' ')}", _text(part)) for key, part in value.items() if part not in (None, [], {})]
    return [(name, ""), *told]


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict) and all(isinstance(part, str | int | float) for part in value.values()):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list) and all(isinstance(part, str | int | float) for part in value):
        return ", ".join(map(_text, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _live(tx: Connection, entry: Entry) -> tuple[LiveThen, ...]:
    """By the order of the entries, not by the clock: two may bear the same time. Nothing where one is damaged."""
    try:
        found = live_from(ledger.chain(tx, acts=ACTS, upto=entry.seq), _EVER)
    except IntegrityError:
        return ()
    return tuple(
        LiveThen(
            model=item.model,
            environment=item.environment,
            champion=item.champion,
            challenger=item.challenger,
            previous=item.previous,
            since=item.entry.at,
            by=item.entry.actor,
            seq=item.entry.seq,
        )
        for item in found
    )
