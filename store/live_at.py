"""What was live at a time, from the ledger alone: the aliases' own table knows only now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from quarterdeck.core.errors import IntegrityError
from quarterdeck.core.ledger import ALIAS_ACTS, Entry
from quarterdeck.store import ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """What bore which name of a model in one environment. `entry` is what made the champion the champion."""

    environment: str
    model: str
    champion: int | None
    challenger: int | None
    previous: int | None
    entry: Entry  # without a champion: the last entry about the model


def live_from(entries: Iterable[Entry], at: datetime) -> list[Live]:
    """Fold entries, in order of `seq`, up to and with the time; by environment and model.

    An entry's `after` holds all aliases, so the last one tells what is live, and the last that changed the
    champion tells who decided it. No entries: nothing was live. IntegrityError where an entry cannot be read.
    """
    found: dict[tuple[str, str], Live] = {}
    for entry in entries:
        if entry.at > at or entry.act not in ALIAS_ACTS:
            continue
        if not isinstance(entry.after, dict):
            raise IntegrityError("an entry was changed", where=f"entry {entry.seq}", hint="`quarterdeck audit verify`")
        key = (entry.environment or "", entry.subject.partition("@")[0])
        before = found.get(key)
        champion = entry.after.get("champion")
        kept = before is not None and champion is not None and before.champion == champion
        found[key] = Live(
            environment=key[0],
            model=key[1],
            champion=champion,
            challenger=entry.after.get("challenger"),
            previous=entry.after.get("previous"),
            entry=before.entry if kept and before is not None else entry,
        )
    return [found[key] for key in sorted(found)]


def live_at(tx: Connection, at: datetime) -> list[Live]:
    """What was live at `at` in every environment."""
    return live_from(ledger.chain(tx, acts=ALIAS_ACTS), at)
