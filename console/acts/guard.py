"""Every change starts here: the actor's right is checked in the act's own transaction; a refusal is in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import NotAllowedError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.rights import Right
from quarterdeck.store import ledger, rights


@contextmanager
def permitted(console: Console, right: Right, *, act: str, subject: str) -> Iterator[Connection]:
    """A write transaction for an actor who may. NotAllowedError, and a ledger entry of it, for one who may not."""
    if console.read_only:
        raise NotAllowedError("this console is read-only", hint="start it without --read-only")
    try:
        with console.database.write() as tx:
            rights.ensure_first(tx, console.person, utc_now())
            refusal = rights.refused(tx, console.person, right, console.environment)
            if refusal is not None:
                raise refusal
            yield tx
    except NotAllowedError as error:
        note_refusal(console, error, right, act=act, subject=subject)
        raise


def note_refusal(console: Console, error: NotAllowedError, right: Right, *, act: str, subject: str) -> None:
    """The refused act changed nothing; that it was tried is kept."""
    with console.database.write() as tx:
        audit = audit_of(console, error.message, wanted=act, right=right.value)
        ledger.append(tx, audit, act="refused", subject=subject)


def audit_of(console: Console, reason: str, **evidence: Any) -> Audit:
    """Who acts, where, now and why."""
    return Audit(actor=console.actor, environment=console.environment, at=utc_now(), reason=reason, evidence=evidence)
