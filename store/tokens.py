"""Tokens in the store: made, taken back, given a new secret. A secret is shown once; only its SHA-256 is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from quarterdeck.core.clients import Rates
from quarterdeck.core.errors import ConflictError, NotAllowedError, NotFoundError, UsageError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.rights import Token
from quarterdeck.store import ledger
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import TokenRow

_token = table(TokenRow)

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}", re.ASCII)
_BYTES = 32  # of randomness in a secret


def digest(secret: str) -> str:
    """What is kept of a secret. Unsalted: it has 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def tokens(tx: Connection) -> list[Token]:
    """Every token there ever was, by name."""
    return [_to_token(row) for row in tx.execute(select(_token).order_by(_token.c.name))]


def get(tx: Connection, name: str) -> Token:
    row = tx.execute(select(_token).where(_token.c.name == name)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no token {name!r}", hint="`quarterdeck token list` shows them")
    return _to_token(row)


def identify(tx: Connection, sha256: str, now: datetime) -> Token:
    """The token with this digest, if it still counts. NotAllowedError says why not: unknown, expired, revoked."""
    either = or_(_token.c.sha256 == sha256, _token.c.old_sha256 == sha256)
    row = tx.execute(select(_token).where(either)).one_or_none()
    if row is None or (row.sha256 != sha256 and (row.old_until is None or row.old_until <= now)):
        raise NotAllowedError("the token is not known here", hint="`quarterdeck token create` makes one")
    token = _to_token(row)
    state = token.state(now)
    if state != "valid":
        hint = (
            f"`quarterdeck token rotate {token.name} --days N`" if state == "expired" else "`quarterdeck token create`"
        )
        raise NotAllowedError(f"the token {token.name} is {state}", hint=f"{hint}, by an admin, makes a new one")
    return token


def create(
    tx: Connection,
    name: str,
    audit: Audit,
    *,
    expires_at: datetime | None,
    environment: str | None = None,
    endpoints: tuple[str, ...] | None = None,
    rates: Rates | None = None,
) -> str:
    """A new token; gives its secret. A name is used once: the ledger speaks of it for ever.

    With endpoints it is a client of the prediction server in that environment; roles are given by the caller.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a token", hint="a-z, 0-9, . _ -, at most 60, as in nightly-ci")
    if tx.execute(select(_token.c.name).where(_token.c.name == name)).first() is not None:
        raise ConflictError(f"there is a token {name!r} already, or was one", hint="take another name, or rotate it")
    secret = secrets.token_urlsafe(_BYTES)
    by = {"created_by": audit.actor, "created_at": audit.at}
    asks: dict[str, Any] = {"environment": environment if endpoints else None}
    asks["endpoints"] = list(endpoints) if endpoints else None
    asks["rates"] = (rates.set() if rates is not None else None) or None
    times = {"expires_at": expires_at, "revoked_at": None}
    tx.execute(insert(_token).values(name=name, sha256=digest(secret), **times, **by, **asks))
    token = get(tx, name)
    ledger.append(tx, audit, act="create_token", subject=token.actor, before=None, after=_noted(token))
    return secret


def rotate(
    tx: Connection, name: str, audit: Audit, *, expires_at: datetime | None, grace: timedelta = timedelta(0)
) -> str:
    """A new secret for a token, in place of the old one; gives it. Its roles, endpoints and rates stay.

    The old secret counts for a grace beside the new one, never longer than it would have; one from an earlier rotation
    counts no more.
    """
    before = _unrevoked(tx, name)
    secret = secrets.token_urlsafe(_BYTES)
    values: dict[str, Any] = {"sha256": digest(secret), "expires_at": expires_at, "old_sha256": None, "old_until": None}
    if grace > timedelta(0):
        values["old_sha256"] = tx.execute(select(_token.c.sha256).where(_token.c.name == name)).scalar_one()
        values["old_until"] = min(audit.at + grace, before.expires_at or audit.at + grace)
    tx.execute(update(_token).where(_token.c.name == name).values(**values))
    noted = {"before": _noted(before), "after": _noted(get(tx, name))}
    ledger.append(tx, audit, act="rotate_token", subject=before.actor, **noted)
    return secret


def revoke(tx: Connection, name: str, audit: Audit) -> Token:
    """A token counts no more, from this moment on. Its roles are taken away by the caller."""
    before = _unrevoked(tx, name)
    tx.execute(update(_token).where(_token.c.name == name).values(revoked_at=audit.at, old_until=None))
    after = get(tx, name)
    ledger.append(tx, audit, act="revoke_token", subject=before.actor, before=_noted(before), after=_noted(after))
    return after


def _unrevoked(tx: Connection, name: str) -> Token:
    token = get(tx, name)
    if token.revoked_at is not None:
        raise ConflictError(f"the token {name} is revoked already", hint="`quarterdeck token create` makes another")
    return token


def _noted(token: Token) -> dict[str, Any]:
    noted: dict[str, Any] = {"expires_at": token.expires_at, "revoked_at": token.revoked_at}
    if token.endpoints:
        noted |= {
            "environment": token.environment,
            "endpoints": list(token.endpoints),
            "rates": token.rates and token.rates.set(),
        }
    if token.old_until is not None:
        noted["old_until"] = token.old_until
    return noted


def _to_token(row: Any) -> Token:
    return value_of(Token, row, endpoints=tuple, rates=lambda found: Rates(**found))
