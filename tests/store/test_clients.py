"""Clients as the server reads them: without SQLModel, and the same as the table of tokens says."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from quarterdeck.core.clients import ALL, Rates, checked_endpoints
from quarterdeck.core.errors import UsageError
from quarterdeck.core.ledger import Audit
from quarterdeck.store import tokens
from quarterdeck.store.clients import read_clients
from quarterdeck.store.engine import Database


def audit(now: datetime) -> Audit:
    return Audit(actor="root", environment="production", at=now, reason="for the tower")


def test_a_client_is_found_by_the_hash_of_its_secret_with_all_that_it_may(database: Database, now: datetime) -> None:
    rates, until = Rates(requests=5, bytes=10**10), now + timedelta(days=1)
    with database.write() as tx:
        secret = tokens.create(
            tx, "tower", audit(now), expires_at=until, environment="production", endpoints=("a", "b"), rates=rates
        )
        found = read_clients(tx, "production")[tokens.digest(secret)]
        token = tokens.get(tx, "tower")
    assert (found.name, found.endpoints, found.rates, found.until) == ("tower", {"a", "b"}, rates, until)
    assert (token.endpoints, token.rates, token.environment) == (("a", "b"), rates, "production")
    assert found.is_valid(now) and not found.is_valid(until)


def test_in_another_environment_a_client_is_known_and_may_nothing(database: Database, now: datetime) -> None:
    with database.write() as tx:
        here = tokens.create(tx, "a", audit(now), expires_at=None, environment="staging", endpoints=(ALL,))
        every = tokens.create(tx, "b", audit(now), expires_at=None, environment="*", endpoints=(ALL,))
        acting = tokens.create(tx, "c", audit(now), expires_at=None)
        found = read_clients(tx, "production")
    valid = [found[tokens.digest(secret)].is_valid(now) for secret in (here, every, acting)]
    assert valid == [False, True, False]


def test_both_secrets_of_a_rotation_are_read_and_the_old_one_knows_its_end(database: Database, now: datetime) -> None:
    with database.write() as tx:
        old = tokens.create(tx, "a", audit(now), expires_at=None, environment="production", endpoints=(ALL,))
        new = tokens.rotate(tx, "a", audit(now), expires_at=None, grace=timedelta(hours=1))
        found = read_clients(tx, "production")
        before, after = found[tokens.digest(old)], found[tokens.digest(new)]
        assert (before.replaced, before.until) == (True, now + timedelta(hours=1))
        assert (after.replaced, after.until) == (False, None)
        tokens.revoke(tx, "a", audit(now))
        assert not any(client.is_valid(now) for client in read_clients(tx, "production").values())


def test_the_server_reads_them_without_sqlmodel() -> None:
    code = "import sys, quarterdeck.store.clients, quarterdeck.store.local_secret; sys.exit('sqlmodel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_endpoints_are_named_once_and_a_star_is_all_of_them() -> None:
    assert checked_endpoints(["a", "b", "a"], ["a", "b"]) == ("a", "b")
    assert checked_endpoints(["a", ALL], ["a"]) == (ALL,)
    assert checked_endpoints([ALL], []) == (ALL,)
    with pytest.raises(UsageError, match="'c'"):
        checked_endpoints(["c"], ["a"])
