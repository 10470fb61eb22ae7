"""The ledger: what it keeps, and that nothing in it changes unseen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from quarterdeck.core.ledger import Audit
from quarterdeck.core.registry import Version
from quarterdeck.store import auditing, ledger, promotion
from quarterdeck.store.engine import Database

Register = Callable[..., Version]


@pytest.fixture
def acts(database: Database, register: Register, now: datetime) -> None:
    register(), register()
    audit = Audit(actor="ops", environment="production", at=now, reason="because")
    with database.write() as tx:
        promotion.promote(tx, "flights", 1, audit, saw_champion=None)
        promotion.promote(tx, "flights", 2, audit, saw_champion=1)


def tamper(path: Path, *statements: str) -> None:
    """Change the file as someone with sqlite3 would, who knows of the triggers."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in ("DROP TRIGGER ledger_no_update", "DROP TRIGGER ledger_no_delete", *statements):
            connection.execute(statement)
        connection.commit()


@pytest.mark.usefixtures("acts")
def test_untouched_entries_verify(database: Database) -> None:
    with database.read() as tx:
        assert auditing.verify(tx) == (4, [])


@pytest.mark.usefixtures("acts")
@pytest.mark.parametrize("statement", ["UPDATE ledger SET reason = 'x'", "DELETE FROM ledger"])
def test_the_database_itself_refuses_to_change_an_entry(tmp_path: Path, statement: str) -> None:
    connection = sqlite3.connect(tmp_path / "quarterdeck.db")
    with closing(connection), pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)


@pytest.mark.usefixtures("acts")
@pytest.mark.parametrize(
    "column", ["at", "actor", "act", "subject", "environment", "reason", "evidence", "before", "after"]
)
def test_a_change_of_any_column_is_found_and_named(database: Database, tmp_path: Path, column: str) -> None:
    changed = {"at": "2020-01-01T00:00:00+00:00", "evidence": '{"x":1}', "before": "7", "after": "7"}
    tamper(
        tmp_path / "quarterdeck.db",
        f"UPDATE ledger SET {column} = '{changed.get(column, 'x')}' WHERE seq = 3",  # noqa: S608  # the test's own words
    )
    with database.read() as tx:
        assert 3 in {problem.seq for problem in auditing.verify(tx)[1]}


@pytest.mark.usefixtures("acts")
def test_a_row_taken_out_of_the_middle_is_found(database: Database, tmp_path: Path) -> None:
    tamper(tmp_path / "quarterdeck.db", "PRAGMA foreign_keys = OFF", "DELETE FROM ledger WHERE seq = 2")
    with database.read() as tx:
        assert auditing.verify(tx)[1]


@pytest.mark.usefixtures("acts")
def test_a_row_cut_off_the_end_is_found_by_the_aliases_it_set(database: Database, tmp_path: Path) -> None:
    tamper(tmp_path / "quarterdeck.db", "DELETE FROM ledger WHERE seq = 4")
    with database.read() as tx:
        problems = auditing.verify(tx)[1]
    assert "the ledger says" in problems[0].message


@pytest.mark.usefixtures("acts")
def test_an_alias_moved_behind_the_ledgers_back_is_found(database: Database) -> None:
    with database.write() as tx:
        tx.execute(text("UPDATE alias SET version = 1 WHERE alias = 'champion'"))
    with database.read() as tx:
        assert len(auditing.verify(tx)[1]) == 1


@pytest.mark.usefixtures("acts")
def test_entries_are_found_by_model_version_and_act(database: Database) -> None:
    with database.read() as tx:
        assert [entry.seq for entry in ledger.entries(tx, subject="flights")] == [4, 3, 2, 1]
        assert [entry.seq for entry in ledger.entries(tx, subject="flights@2")] == [4, 2]
        assert [entry.act for entry in ledger.entries(tx, act="promote")] == ["promote", "promote"]
