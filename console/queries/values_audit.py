"""The answer to the Audit screen's question, as rows. No database is needed to load this."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryRow:
    """One entry of the ledger. `moved` is what it changed in a few words: "champion 4 -> 5"."""

    seq: int
    at: datetime
    actor: str
    act: str
    subject: str
    environment: str | None
    reason: str
    moved: str
    tone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryDetail:
    """One entry whole. `changes` are (what, before, after); `undoes` why it cannot be taken back, "" where it can."""

    row: EntryRow
    changes: tuple[tuple[str, str, str], ...]
    evidence: tuple[tuple[str, str], ...]
    previous_hash: str
    hash: str
    undoes: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveThen:
    """What bore which name of a model at a time, and since which entry."""

    model: str
    environment: str
    champion: int | None
    challenger: int | None
    previous: int | None
    since: datetime
    by: str
    seq: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """`live` is what was live when the selected entry had been written."""

    entries: tuple[EntryRow, ...]
    detail: EntryDetail | None
    live: tuple[LiveThen, ...]
