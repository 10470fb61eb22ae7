"""Roles in the store."""

from __future__ import annotations

from datetime import datetime

import pytest

from quarterdeck.core.errors import NotFoundError, RefusedError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.rights import EVERYWHERE, Right, Role
from quarterdeck.store import ledger, rights
from quarterdeck.store.engine import Database

HERE = "production"


def audit(now: datetime, actor: str = "root") -> Audit:
    return Audit(actor=actor, environment=HERE, at=now, reason="r")


def test_the_first_who_acts_is_admin_and_the_second_is_not(database: Database, now: datetime) -> None:
    with database.write() as tx:
        assert rights.is_new(tx)
        rights.ensure_first(tx, "ann", now)
        rights.ensure_first(tx, "bob", now)
        assert [(item.person, item.environment, item.role) for item in rights.grants(tx)] == [
            ("ann", EVERYWHERE, Role.ADMIN)
        ]
        assert [entry.act for entry in ledger.entries(tx)] == ["grant"]


def test_the_last_admin_stays_and_a_token_does_not_count_as_one(database: Database, now: datetime) -> None:
    with database.write() as tx:
        rights.ensure_first(tx, "ann", now)
        rights.grant(tx, "token:ci", EVERYWHERE, Role.ADMIN, audit(now))
        with pytest.raises(RefusedError, match="last admin"):
            rights.revoke(tx, "ann", EVERYWHERE, audit(now))
        with pytest.raises(RefusedError, match="last admin"):
            rights.grant(tx, "ann", EVERYWHERE, Role.VIEWER, audit(now))
        with pytest.raises(RefusedError, match="last admin in production"):  # it would count before the one everywhere
            rights.grant(tx, "ann", HERE, Role.VIEWER, audit(now))
        rights.revoke(tx, "token:ci", EVERYWHERE, audit(now))
        rights.grant(tx, "bob", EVERYWHERE, Role.ADMIN, audit(now))
        rights.revoke(tx, "ann", EVERYWHERE, audit(now))
        assert rights.holders(tx, Right.ADMINISTER, HERE) == ["bob"]


def test_a_grant_is_in_the_ledger_with_what_it_replaced(database: Database, now: datetime) -> None:
    with database.write() as tx:
        rights.grant(tx, "bob", HERE, Role.VIEWER, audit(now))
        rights.grant(tx, "bob", HERE, Role.APPROVER, audit(now), gates=("roc_auc_score",))
        entry = ledger.entries(tx, limit=1)[0]
    assert entry.before == {"environment": HERE, "role": "viewer", "gates": None}
    assert entry.after == {"environment": HERE, "role": "approver", "gates": ["roc_auc_score"]}


def test_a_role_of_one_environment_counts_there_and_nowhere_else(database: Database, now: datetime) -> None:
    with database.write() as tx:
        rights.grant(tx, "bob", "staging", Role.OPERATOR, audit(now))
        assert rights.refused(tx, "bob", Right.FORCE, "staging") is None
        refusal = rights.refused(tx, "bob", Right.FORCE, HERE)
        assert refusal is not None and "has no role in production" in refusal.message
        assert rights.environments_of(tx, "bob") == ["staging"]
        with pytest.raises(NotFoundError):
            rights.revoke(tx, "bob", HERE, audit(now))
