"""What somebody changes in the tables, past the acts, is seen against the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from quarterdeck.core.gate_sets import GateChange
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import GateSpec, Manifest
from quarterdeck.core.registry import Version
from quarterdeck.core.rights import Role
from quarterdeck.core.values import Task
from quarterdeck.store import approvals, auditing, gate_sets, promotion, registry, rights, tokens
from quarterdeck.store.engine import Database

GATE = GateSpec(metric="cost", maximum=0.97)


@pytest.fixture
def history(database: Database, register: Callable[..., Version], now: datetime) -> Database:
    """Roles, a token, gates with an edit, two versions, an approval, a promotion and a retirement."""
    audit = Audit(actor="ann", environment="production", at=now, reason="a test")
    register(), register(), register()
    with database.write() as tx:
        rights.ensure_first(tx, "ann", now)
        rights.grant(tx, "bob", "production", Role.APPROVER, audit, gates=("cost",))
        rights.grant(tx, "cho", "production", Role.OPERATOR, audit)
        rights.revoke(tx, "cho", "production", audit)
        tokens.create(tx, "ci", audit, expires_at=None)
        gate_sets.sync(tx, _manifest(), audit)
        gate_sets.edit(tx, "flights", "cost max", GateChange(maximum=0.9), audit, saw=1)
        approvals.approve(tx, registry.get(tx, "flights", 2), replace(audit, actor="bob"))
        promotion.promote(tx, "flights", 2, audit, saw_champion=None)
        registry.retire(tx, "flights", 3, audit)
    return database


def _manifest() -> Manifest:
    return Manifest(
        name="flights", description="", owner=None, task=Task.BINARY, target="late", entity=None, time=None, steps=(),
        gates=(GATE,), folder=Path("/w/pipelines/flights"),
    )  # fmt: skip


def problems(database: Database) -> list[str]:
    with database.read() as tx:
        return [problem.message for problem in auditing.verify(tx)[1]]


def test_what_the_acts_have_written_agrees(history: Database) -> None:
    assert problems(history) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE role SET role = 'admin' WHERE person = 'bob'", "the role of bob in production is"),
        ("DELETE FROM role WHERE environment = '*'", "the role of ann in * is nothing"),
        ("UPDATE role SET gates = NULL WHERE person = 'bob'", "the role of bob in production is"),
        (
            "INSERT INTO approval VALUES ('production', 'flights', 1, 'eve', 'fine', '2026-03-01 12:00:00')",
            "flights@1 in production is approved by ['eve'], the ledger says nothing",
        ),
        ("UPDATE approval SET person = 'eve'", "is approved by ['eve'], the ledger says ['bob']"),
        ("UPDATE gate_set SET gates = replace(gates, '0.9', '9.9') WHERE number = 2", "set 2 of the gates of flights"),
        ("DELETE FROM gate_set WHERE number = 2", "set 2 of the gates of flights"),
        ("UPDATE version SET metrics = '{}' WHERE number = 1", "version flights@1 has other metrics"),
        ("UPDATE version SET state = 'accepted' WHERE number = 3", "it was retired"),
        ("UPDATE version SET state = 'retired' WHERE number = 1", "was not retired"),
        ("DELETE FROM version WHERE number = 1", "version flights@1 was registered, and is not there"),
        ("UPDATE version SET number = 9 WHERE number = 1", "version flights@9 was never registered"),
        ("UPDATE alias SET version = 1", "the aliases of flights in production are"),
        ("DELETE FROM token", "the token token:ci is nothing"),
    ],
)
def test_a_row_that_was_changed_past_the_acts_is_named(history: Database, statement: str, said: str) -> None:
    with history.engine.connect() as connection:
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        connection.execute(text(statement))
        connection.commit()
    assert any(said in message for message in problems(history)), problems(history)


def test_entries_that_were_cut_off_the_end_show_in_what_they_had_done(history: Database) -> None:
    with history.engine.connect() as connection:
        connection.execute(text("DROP TRIGGER ledger_no_delete"))
        connection.execute(text("DELETE FROM ledger WHERE act IN ('promote', 'retire')"))
        connection.commit()
    said = problems(history)
    assert any("the aliases of flights" in message for message in said)
    assert any("version flights@3 is retired, the ledger says that it was not" in message for message in said)
