"""What was live at a time, from the ledger alone: the aliases' own table knows only now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from quarterdeck.core.errors import IntegrityError
from quarterdeck.core.ledger import ALIAS_ACTS, Entry
from quarterdeck.store import ledger

ACTS = (*ALIAS_ACTS, "split")


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """What bore which name of a model in one environment. `entry` is what made the champion the champion."""

    environment: str
    model: str
    champion: int | None
    challenger: int | None
    previous: int | None
    weight: float  # percent of the requests that the challenger answered; 0: in shadow at most
    entry: Entry  # without a champion: the last entry about the model


def live_from(entries: Iterable[Entry], at: datetime) -> list[Live]:
    """Fold entries, in order of `seq`, up to and with the time; by environment and model.

    An alias entry's `after` holds all aliases, so the last one tells what is live, and the last that changed the
    champion tells who decided it. No entries: nothing was live. IntegrityError where an entry cannot be read.
    """
    found: dict[tuple[str, str], Live] = {}
    for entry in entries:
        if entry.at > at or entry.act not in ACTS:
            continue
        if not isinstance(entry.after, dict):
            raise IntegrityError("an entry was changed", where=f"entry {entry.seq}", hint="`quarterdeck audit verify`")
        key = (entry.environment or "", entry.subject.partition("@")[0])
        before = found.get(key)
        if entry.act == "split":
            if before is not None:
                found[key] = replace(before, weight=float(entry.after["weight"]))
        else:
            found[key] = _moved(key, before, entry)
    return [found[key] for key in sorted(found)]


def _moved(key: tuple[str, str], before: Live | None, entry: Entry) -> Live:
    """After an entry that holds all names of its model."""
    champion, challenger = entry.after.get("champion"), entry.after.get("challenger")
    kept = before is not None and champion is not None and before.champion == champion
    same = before is not None and challenger is not None and before.challenger == challenger
    return Live(
        environment=key[0],
        model=key[1],
        champion=champion,
        challenger=challenger,
        previous=entry.after.get("previous"),
        weight=before.weight if same and before is not None else 0.0,
        entry=before.entry if kept and before is not None else entry,
    )


def live_at(tx: Connection, at: datetime) -> list[Live]:
    """What was live at `at` in every environment."""
    return live_from(ledger.chain(tx, acts=ACTS), at)
