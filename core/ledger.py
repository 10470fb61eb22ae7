"""The ledger's rule: every entry carries the hash of the one before, so that none changes or goes unseen.

An entry's hash is SHA-256 over its canonical JSON: keys sorted, no spaces, UTF-8, times in UTC with
microseconds, enums as their values, and whole floats as integers, because databases give 1.0 back as 1. NaN
and infinity are refused. The first entry is chained to GENESIS. Loads without any library.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from quarterdeck.core.errors import RefusedError

GENESIS = "0" * 64


# The acts that move aliases: the `after` of such an entry holds all aliases of its model in its environment.
ALIAS_ACTS = ("promote", "rollback", "demote", "challenge", "withdraw", "undo")


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """Who acts, where, when, why and on what evidence: what every entry says beside the act itself."""

    actor: str
    environment: str | None
    at: datetime  # UTC
    reason: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def adding(self, **evidence: Any) -> Audit:
        """The same, with more evidence."""
        return replace(self, evidence=dict(self.evidence) | evidence)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One act that changed what is live, or who may."""

    seq: int  # 1, 2, 3 ... without a gap
    at: datetime  # UTC
    actor: str
    act: str  # "promote", "roll_back", "gate_verdict", ...
    subject: str  # "flights@3"
    environment: str | None
    reason: str
    evidence: dict[str, Any]
    before: Any  # JSON values
    after: Any
    previous_hash: str
    hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing wrong with the chain; `seq` is the entry that shows it."""

    seq: int
    message: str


def make_entry(
    *,
    previous: Entry | None,
    audit: Audit,
    act: str,
    subject: str,
    before: Any = None,
    after: Any = None,
) -> Entry:
    """The entry that follows `previous` (None: the first). Raises RefusedError as canonical_json() does."""
    values: dict[str, Any] = {
        "seq": 1 if previous is None else previous.seq + 1,
        "at": audit.at,
        "actor": audit.actor,
        "act": act,
        "subject": subject,
        "environment": audit.environment,
        "reason": audit.reason,
        "evidence": plain(dict(audit.evidence)),
        "before": plain(before),
        "after": plain(after),
        "previous_hash": GENESIS if previous is None else previous.hash,
    }
    return Entry(**values, hash=_digest(values))


_HASHED = tuple(field.name for field in fields(Entry) if field.name != "hash")


def entry_hash(entry: Entry) -> str:
    """The hash the entry should have: 64 hexadecimal digits over every field but `hash`."""
    return _digest({name: getattr(entry, name) for name in _HASHED})


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(values).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """The one text of a JSON-able value. Raises RefusedError on what has none, naming the place."""
    text = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RefusedError("text that is not Unicode cannot be kept", hint=str(error)) from error
    return text


def plain(value: Any, where: str = "$") -> Any:
    """The value as dicts, lists, str, int, float, bool and None, as it will come back from a database."""
    if isinstance(value, Enum):
        return plain(value.value, where)
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return _plain_float(value, where)
    if isinstance(value, datetime):
        return _plain_time(value, where)
    if isinstance(value, Mapping):
        return {_key(key, where): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise RefusedError(f"a {type(value).__name__} cannot be kept in the ledger", where=where, hint="use JSON values")


def _plain_float(value: float, where: str) -> float | int:
    if not math.isfinite(value):
        raise RefusedError(f"{value} cannot be kept in the ledger", where=where, hint="leave it out, or use null")
    return int(value) if value.is_integer() else value


def _plain_time(value: datetime, where: str) -> str:
    if value.tzinfo is None:
        raise RefusedError("a time without a zone cannot be kept in the ledger", where=where, hint="use UTC")
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise RefusedError(f"the key {key!r} is not text", where=where)
    return str(key.value) if isinstance(key, Enum) else key


def verify_chain(entries: Iterable[Entry], *, after: Entry | None = None, head: str | None = None) -> Iterator[Problem]:
    """Yield what is wrong with a chain in order of `seq`; nothing where all is well. Reads the entries once.

    `after` is the entry before the first given (None: they start at 1). `head` is the last entry's hash as
    someone noted it elsewhere: without it, entries cut off the end cannot be seen. A changed entry is
    reported once; the ones behind it are not, because they are checked against the hash that is written in
    it.
    """
    seq = 0 if after is None else after.seq
    previous = GENESIS if after is None else after.hash
    for entry in entries:
        yield from _check_entry(entry, seq, previous)
        seq, previous = entry.seq, entry.hash
    if head is not None and previous != head:
        yield Problem(seq=seq, message="the chain does not end in the hash that was noted: its end was cut or replaced")


def _check_entry(entry: Entry, seq: int, previous: str) -> Iterator[Problem]:
    if entry.seq <= seq:
        yield Problem(seq=entry.seq, message=f"it follows entry {seq}: entries are doubled or out of order")
    elif entry.seq > seq + 1:
        missing = f"entry {seq + 1} is" if entry.seq == seq + 2 else f"entries {seq + 1} to {entry.seq - 1} are"
        yield Problem(seq=entry.seq, message=f"{missing} missing before it")
    if entry.previous_hash != previous:
        yield Problem(seq=entry.seq, message="it is not chained to the entry before it")
    if _hash_or_none(entry) != entry.hash:
        yield Problem(seq=entry.seq, message="its contents do not match its hash: it was changed")


def _hash_or_none(entry: Entry) -> str | None:
    try:
        return entry_hash(entry)
    except RefusedError:  # values that could never have been written
        return None
