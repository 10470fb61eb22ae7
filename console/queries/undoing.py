"""Which act can be taken back, and what would change if it were."""

from __future__ import annotations

from sqlalchemy import Connection

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.ledger import ALIAS_ACTS, Entry
from quarterdeck.core.registry import parse_reference
from quarterdeck.core.values import Alias
from quarterdeck.store import ledger, registry

UNDOABLE = (*ALIAS_ACTS, "retire")
_LOOKED_AT = 100  # entries of a model, among which the last that can be taken back is looked for


def taken_back(tx: Connection, environment: str, entry: Entry) -> list[tuple[str, str, str]]:
    """(what, now, after) of each thing that undoing the entry changes; RefusedError where it cannot be undone here."""
    if entry.act not in UNDOABLE:
        hint = f"these can: {', '.join(UNDOABLE)}"
        raise RefusedError(f"{entry.act} cannot be undone", where=f"entry {entry.seq}", hint=hint)
    if entry.environment != environment:
        raise RefusedError(f"entry {entry.seq} is of {entry.environment}", hint=f"this is {environment}")
    reference = parse_reference(entry.subject)
    if entry.act == "retire":
        version = registry.resolve(tx, reference, environment)
        return [("state", version.state.value, str(entry.before["state"]))]
    names = registry.aliases(tx, reference.model, environment)
    to = {Alias(alias): int(number) for alias, number in entry.before.items()}
    return [
        (alias.value, _name(names.get(alias)), _name(to.get(alias)))
        for alias in Alias
        if names.get(alias) != to.get(alias)
    ]


def last_undoable(tx: Connection, environment: str, model: str) -> Entry | None:
    """The last act on a model here that can be taken back; None where there is none."""
    found = ledger.entries(tx, subject=model, limit=_LOOKED_AT)
    return next((entry for entry in found if entry.act in UNDOABLE and entry.environment == environment), None)


def _name(number: int | None) -> str:
    return "none" if number is None else str(number)
