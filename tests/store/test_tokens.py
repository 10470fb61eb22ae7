"""Tokens: the secret is nowhere in the store, and counts only while it should."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from quarterdeck.core.errors import ConflictError, NotAllowedError, NotFoundError, UsageError
from quarterdeck.core.ledger import Audit
from quarterdeck.store import ledger, tokens
from quarterdeck.store.engine import Database


def audit(now: datetime) -> Audit:
    return Audit(actor="root", environment="production", at=now, reason="for the nightly job")


def make(database: Database, now: datetime, name: str = "ci", days: int = 7) -> str:
    with database.write() as tx:
        return tokens.create(tx, name, audit(now), expires_at=now + timedelta(days=days))


def test_the_secret_identifies_the_token_until_it_expires(database: Database, now: datetime) -> None:
    sha256 = tokens.digest(make(database, now))
    with database.read() as tx:
        assert tokens.identify(tx, sha256, now + timedelta(days=6)).actor == "token:ci"
        with pytest.raises(NotAllowedError, match="ci is expired"):
            tokens.identify(tx, sha256, now + timedelta(days=7))


def test_a_secret_that_nobody_was_given_is_not_known(database: Database, now: datetime) -> None:
    make(database, now)
    with database.read() as tx, pytest.raises(NotAllowedError, match="not known"):
        tokens.identify(tx, tokens.digest("guessed"), now)


def test_a_revoked_token_counts_no_more_and_its_name_is_not_given_again(database: Database, now: datetime) -> None:
    sha256 = tokens.digest(make(database, now))
    with database.write() as tx:
        tokens.revoke(tx, "ci", audit(now))
        with pytest.raises(NotAllowedError, match="revoked"):
            tokens.identify(tx, sha256, now)
        with pytest.raises(ConflictError):
            tokens.create(tx, "ci", audit(now), expires_at=None)
        with pytest.raises(ConflictError):
            tokens.rotate(tx, "ci", audit(now), expires_at=None)
        with pytest.raises(ConflictError):
            tokens.revoke(tx, "ci", audit(now))


def test_after_a_rotation_only_the_new_secret_counts(database: Database, now: datetime) -> None:
    old = make(database, now)
    with database.write() as tx:
        new = tokens.rotate(tx, "ci", audit(now), expires_at=now + timedelta(days=30))
        assert tokens.identify(tx, tokens.digest(new), now + timedelta(days=29)).name == "ci"
        with pytest.raises(NotAllowedError):
            tokens.identify(tx, tokens.digest(old), now)


def test_with_a_grace_the_old_secret_counts_beside_the_new_one_until_it_ends(database: Database, now: datetime) -> None:
    old = tokens.digest(make(database, now))
    with database.write() as tx:
        new = tokens.rotate(tx, "ci", audit(now), expires_at=now + timedelta(days=30), grace=timedelta(hours=1))
        assert tokens.get(tx, "ci").old_until == now + timedelta(hours=1)
        for sha256 in (old, tokens.digest(new)):
            assert tokens.identify(tx, sha256, now + timedelta(minutes=59)).name == "ci"
        with pytest.raises(NotAllowedError, match="not known"):
            tokens.identify(tx, old, now + timedelta(hours=1))
        newest = tokens.rotate(tx, "ci", audit(now), expires_at=None, grace=timedelta(hours=1))
        with pytest.raises(NotAllowedError, match="not known"):  # one old secret counts, and no more
            tokens.identify(tx, old, now)
        tokens.revoke(tx, "ci", audit(now))
        for secret in (new, newest):
            with pytest.raises(NotAllowedError):
                tokens.identify(tx, tokens.digest(secret), now)


def test_a_grace_is_never_longer_than_the_old_secret_would_have_counted(database: Database, now: datetime) -> None:
    old = tokens.digest(make(database, now, days=1))
    late = now + timedelta(days=2)
    with database.write() as tx:
        tokens.rotate(tx, "ci", audit(late), expires_at=None, grace=timedelta(days=7))
        with pytest.raises(NotAllowedError):
            tokens.identify(tx, old, late)


def test_no_secret_and_no_digest_is_in_the_ledger_and_no_secret_in_the_file(database: Database, now: datetime) -> None:
    secret = make(database, now)
    with database.read() as tx:
        text = repr(ledger.entries(tx))
    assert secret not in text and tokens.digest(secret) not in text
    path = Path(database.url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert secret.encode() not in path.read_bytes()
    assert tokens.digest(secret).encode() in path.read_bytes()


@pytest.mark.parametrize("name", ["", "CI", "a b", "token:x", "-x", "x" * 61, "\u00e9"])
def test_a_name_that_could_be_mistaken_is_refused(database: Database, now: datetime, name: str) -> None:
    with pytest.raises(UsageError):
        make(database, now, name)


def test_a_token_that_is_not_there_is_not_found(database: Database) -> None:
    with database.read() as tx, pytest.raises(NotFoundError):
        tokens.get(tx, "ci")
