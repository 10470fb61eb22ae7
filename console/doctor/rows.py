"""Can every row be read: are all tables there, is what they hold JSON and dates, does each version make sense."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import inspect
from sqlmodel import SQLModel

from quarterdeck.console.doctor.finding import Finding, fail, ok
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.store import registry
from quarterdeck.store.damage import find_damage
from quarterdeck.store.engine import Database

_RESTORE = "stop the daemon and restore a backup of .quarterdeck"
_SHOWN = 20  # findings; a file that is damaged more than that is restored, not mended
_PAGE = 500


def rows(database: Database) -> Iterator[Finding]:
    """One finding for each damaged value, or one that all is well."""
    found = 0
    for message in _damage(database):
        found += 1
        yield fail("rows", message, _RESTORE)
        if found == _SHOWN:
            return
    if not found:
        yield ok("rows", "all tables are there, and every row can be read")


def _damage(database: Database) -> Iterator[str]:
    with database.read() as tx:
        there = set(inspect(tx).get_table_names())
        lost = sorted(set(SQLModel.metadata.tables) - there)
        damage = list(map(str, find_damage(tx))) if database.is_sqlite else []
    yield from (f"table {name} is missing" for name in lost)
    yield from damage
    if not lost and not damage:
        yield from _versions(database)


def _versions(database: Database) -> Iterator[str]:
    """What is sound JSON and yet no version: the first such row of each model."""
    with database.read() as tx:
        for model in registry.models(tx):
            try:
                start = 0
                while len(registry.versions(tx, model=model, limit=_PAGE, offset=start)) == _PAGE:
                    start += _PAGE
            except QuarterdeckError as error:
                yield error.message
