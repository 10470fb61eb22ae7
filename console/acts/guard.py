"""Every change starts here: the actor's right is checked in the act's own transaction; a refusal is in the ledger.

Reading asks for no right: whoever the operating system lets read the workspace's files can read what they say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import NotAllowedError, UsageError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.rights import Right
from quarterdeck.store import refusals, rights, tokens

LONGEST_REASON = 2_000  # characters


@contextmanager
def permitted(
    console: Console, right: Right, *, act: str, subject: str, environment: str | None = None
) -> Iterator[Connection]:
    """A write transaction for an actor who may. NotAllowedError, and a ledger entry of it, for one who may not.

    The right is asked for in the console's environment, or in another (EVERYWHERE: in all of them). What is raised
    inside as a NotAllowedError is kept in the ledger too.
    """
    _changes(console)
    try:
        with console.database.write() as tx:
            rights.ensure_first(tx, console.person, utc_now())
            require(tx, console, right, environment=environment)
            yield tx
    except NotAllowedError as error:
        note_refusal(console, error, right, act=act, subject=subject)
        raise


def check_right(console: Console, right: Right, *, act: str, subject: str, environment: str | None = None) -> None:
    """Refuse as permitted() would, before anybody is asked for a reason or a yes. Changes nothing else."""
    _changes(console)
    try:
        with console.database.read() as tx:
            if not rights.is_new(tx):
                require(tx, console, right, environment=environment)
    except NotAllowedError as error:
        note_refusal(console, error, right, act=act, subject=subject)
        raise


def require(tx: Connection, console: Console, right: Right, *, environment: str | None = None) -> None:
    """NotAllowedError where the actor lacks a right, or where their token counts no more."""
    if console.token is not None:
        tokens.identify(tx, console.token, utc_now())
    refusal = rights.refused(tx, console.person, right, environment or console.environment)
    if refusal is not None:
        raise refusal


def note_refusal(console: Console, error: NotAllowedError, right: Right, *, act: str, subject: str) -> None:
    """The refused act changed nothing; that it was tried is kept, within the bounds of store/refusals.py."""
    with console.database.write() as tx:
        audit = audit_of(console, error.message)
        refusals.note(tx, audit, error, wanted=act, right=right.value, subject=subject)


def checked_reason(reason: str) -> str:
    """A reason that people can read; UsageError for a longer one."""
    if len(reason) > LONGEST_REASON:
        raise UsageError(
            f"the reason is {len(reason):,} characters long, more than {LONGEST_REASON:,}",
            hint="say it shortly, and where the rest stands",
        )
    return reason


def audit_of(console: Console, reason: str, **evidence: Any) -> Audit:
    """Who acts, where, now and why; over ssh also from where, as the session says."""
    checked_reason(reason)
    if console.client is not None:
        evidence["client"] = console.client
    return Audit(actor=console.actor, environment=console.environment, at=utc_now(), reason=reason, evidence=evidence)


def _changes(console: Console) -> None:
    if console.read_only:
        raise NotAllowedError("this console is read-only", hint="start it without --read-only")
    console.database.refuse_read_only()
