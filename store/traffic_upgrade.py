"""Brings a traffic.db of an earlier schema to the one of now, in place, in one transaction.

Every schema only adds to the one before, so that processes of an earlier release that have the file open go on. Up to
schema 3 the daemon counted the rows, from the cursor "counted" on; such a daemon would count again what the server has
counted. So its cursor is put beyond every row, and held there, and what it had not counted is left to the new one.
"""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, Table, inspect, text
from sqlalchemy.schema import CreateColumn

SETTLED = "settled"  # the cursor: every answer up to there is in its window, or belongs to none
CHANGES = "changes"  # the cursor: the greatest `changed` that a window was given
_BEYOND = 2**62
_NOW_US = "CAST(strftime('%s', 'now') AS INTEGER) * 1000000"


def upgrade(tx: Connection, schema: int, wanted: MetaData) -> None:
    """Make what is missing; nothing where another process was faster."""
    found = tx.execute(text("PRAGMA user_version")).scalar_one()
    if found >= schema:
        return
    known = inspect(tx).has_table("cursor")
    wanted.create_all(tx)
    for table in wanted.sorted_tables:
        _add_columns(tx, table)
        for index in table.indexes:
            index.create(tx, checkfirst=True)  # of tables that were there already
    if found < 4:  # the schema from which on the server counts
        _settle(tx, before=known)
    tx.execute(text(f"PRAGMA user_version = {schema}"))


def _add_columns(tx: Connection, table: Table) -> None:
    there = {column["name"] for column in inspect(tx).get_columns(table.name)}
    for column in table.columns:
        if column.name not in there:
            words = CreateColumn(column).compile(tx)
            tx.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {words}"))


def _settle(tx: Connection, *, before: bool) -> None:
    """Begin where the daemon of before had come to, and keep it from going on; its windows are judged once more."""
    for name in (SETTLED, CHANGES):
        tx.execute(text("INSERT OR IGNORE INTO cursor VALUES (:name, 0)"), {"name": name})
    if not before:
        return
    tx.execute(text("INSERT OR IGNORE INTO cursor VALUES ('counted', 0)"))
    counted = tx.execute(text("SELECT seq FROM cursor WHERE name = 'counted'")).scalar_one()
    tx.execute(text("UPDATE cursor SET seq = :seq WHERE name = :name"), {"seq": counted, "name": SETTLED})
    tx.execute(text("UPDATE cursor SET seq = :seq WHERE name = 'counted'"), {"seq": _BEYOND})
    tx.execute(
        text(
            "CREATE TRIGGER counted_by_the_server BEFORE UPDATE ON cursor WHEN OLD.name = 'counted' "
            "BEGIN SELECT RAISE(ABORT, 'the server counts the rows now: restart the daemon'); END"
        )
    )
    tx.execute(text("UPDATE cursor SET seq = 1 WHERE name = :name"), {"name": CHANGES})
    tx.execute(text(f"UPDATE window_count SET changed = 1, at = {_NOW_US}"))  # noqa: S608  # our words
