"""Tokens in the store: made, taken back, given a new secret. A secret is shown once; only its SHA-256 is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

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
    return [value_of(Token, row) for row in tx.execute(select(_token).order_by(_token.c.name))]


def get(tx: Connection, name: str) -> Token:
    row = tx.execute(select(_token).where(_token.c.name == name)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no token {name!r}", hint="`quarterdeck token list` shows them")
    return value_of(Token, row)


def identify(tx: Connection, sha256: str, now: datetime) -> Token:
    """The token with this digest, if it still counts. NotAllowedError says why not: unknown, expired, revoked."""
    row = tx.execute(select(_token).where(_token.c.sha256 == sha256)).one_or_none()
    if row is None:
        raise NotAllowedError("the token is not known here", hint="`quarterdeck token create` makes one")
    token = value_of(Token, row)
    state = token.state(now)
    if state != "valid":
        hint = f"`quarterdeck token rotate {token.name}`" if state == "expired" else "`quarterdeck token create`"
        raise NotAllowedError(f"the token {token.name} is {state}", hint=f"{hint}, by an admin, makes a new one")
    return token


def create(tx: Connection, name: str, audit: Audit, *, expires_at: datetime | None) -> str:
    """A new token; gives its secret. A name is used once: the ledger speaks of it for ever."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a token", hint="a-z, 0-9, . _ -, at most 60, as in nightly-ci")
    if tx.execute(select(_token.c.name).where(_token.c.name == name)).first() is not None:
        raise ConflictError(f"there is a token {name!r} already, or was one", hint="take another name, or rotate it")
    secret = secrets.token_urlsafe(_BYTES)
    by = {"created_by": audit.actor, "created_at": audit.at}
    tx.execute(insert(_token).values(name=name, sha256=digest(secret), expires_at=expires_at, revoked_at=None, **by))
    token = get(tx, name)
    ledger.append(tx, audit, act="create_token", subject=token.actor, before=None, after=_noted(token))
    return secret


def rotate(tx: Connection, name: str, audit: Audit, *, expires_at: datetime | None) -> str:
    """A new secret for a token, in place of the old one, which counts no more; gives it. Its roles stay."""
    before = _unrevoked(tx, name)
    secret = secrets.token_urlsafe(_BYTES)
    tx.execute(update(_token).where(_token.c.name == name).values(sha256=digest(secret), expires_at=expires_at))
    noted = {"before": _noted(before), "after": _noted(get(tx, name))}
    ledger.append(tx, audit, act="rotate_token", subject=before.actor, **noted)
    return secret


def revoke(tx: Connection, name: str, audit: Audit) -> Token:
    """A token counts no more, from this moment on. Its roles are taken away by the caller."""
    before = _unrevoked(tx, name)
    tx.execute(update(_token).where(_token.c.name == name).values(revoked_at=audit.at))
    after = get(tx, name)
    ledger.append(tx, audit, act="revoke_token", subject=before.actor, before=_noted(before), after=_noted(after))
    return after


def _unrevoked(tx: Connection, name: str) -> Token:
    token = get(tx, name)
    if token.revoked_at is not None:
        raise ConflictError(f"the token {name} is revoked already", hint="`quarterdeck token create` makes another")
    return token


def _noted(token: Token) -> dict[str, datetime | None]:
    return {"expires_at": token.expires_at, "revoked_at": token.revoked_at}
