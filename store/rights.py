"""Roles in the store: who has which, given and taken with a ledger entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from quarterdeck.core.errors import NotAllowedError, NotFoundError, RefusedError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.rights import EVERYWHERE, Grant, Right, Role, effective, is_token, refusal, rights_of
from quarterdeck.store import ledger
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import RoleRow

_role = table(RoleRow)


def grants(tx: Connection) -> list[Grant]:
    """Every grant, by person and environment."""
    rows = tx.execute(select(_role).order_by(_role.c.person, _role.c.environment))
    return [value_of(Grant, row, role=Role, gates=tuple) for row in rows]


def grant_of(tx: Connection, person: str, environment: str) -> Grant | None:
    """The grant that counts for a person here."""
    return effective(grants(tx), person, environment)


def environments_of(tx: Connection, person: str) -> list[str]:
    """Where a person has a role of their own; EVERYWHERE among them."""
    return [grant.environment for grant in grants(tx) if grant.person == person]


def holders(tx: Connection, right: Right, environment: str) -> list[str]:
    """Who has a right here."""
    found = grants(tx)
    people = sorted({grant.person for grant in found})
    return [person for person in people if right in rights_of(_role_of(effective(found, person, environment)))]


def refused(tx: Connection, person: str, right: Right, environment: str) -> NotAllowedError | None:
    """Why a person may not, or None where they may."""
    role = _role_of(grant_of(tx, person, environment))
    if right in rights_of(role):
        return None
    who = holders(tx, right, environment)
    return refusal(right, person=person, role=role, environment=environment, holders=who)


def is_new(tx: Connection) -> bool:
    """Whether nobody has a role yet: the first who acts will be admin."""
    return tx.execute(select(_role.c.person).limit(1)).first() is None


def ensure_first(tx: Connection, person: str, now: datetime) -> None:
    """Make the first person who acts in a new workspace its admin."""
    if is_new(tx):
        audit = Audit(actor=person, environment=None, at=now, reason="the first user of a new workspace is its admin")
        grant(tx, person, EVERYWHERE, Role.ADMIN, audit)


def grant(
    tx: Connection, person: str, environment: str, role: Role, audit: Audit, *, gates: tuple[str, ...] | None = None
) -> Grant:
    """Give a person a role in an environment, in place of the one they had there."""
    before = _exact(tx, person, environment)
    row = {"role": role.value, "gates": None if gates is None else list(gates)}
    known = grants(tx)
    given = Grant(
        person=person,
        environment=environment,
        role=role,
        gates=gates,
        granted_by=audit.actor,
        granted_at=audit.at,
    )
    _keep_administered(known, [*(item for item in known if item != before), given], person)
    tx.execute(delete(_role).where(*_where(person, environment)))
    by = {"granted_by": audit.actor, "granted_at": audit.at}
    tx.execute(insert(_role).values(person=person, environment=environment, **row, **by))
    ledger.append(tx, audit, act="grant", subject=person, before=_noted(before), after=_noted(given))
    return given


def revoke(tx: Connection, person: str, environment: str, audit: Audit) -> None:
    """Take a person's role in an environment away. Refused for the last admin."""
    before = _exact(tx, person, environment)
    if before is None:
        raise NotFoundError(f"{person} has no role of their own in {environment}", hint="`quarterdeck user list`")
    known = grants(tx)
    _keep_administered(known, [item for item in known if item != before], person)
    tx.execute(delete(_role).where(*_where(person, environment)))
    ledger.append(tx, audit, act="revoke", subject=person, before=_noted(before), after=None)


def _keep_administered(before: Sequence[Grant], after: Sequence[Grant], person: str) -> None:
    """Raise where a change would leave nobody who could take it back: in some environment, or for all of them.

    A role in an environment counts there before the one for everywhere, so that a lesser one takes an admin away too.
    """
    places = sorted({grant.environment for grant in after} | {EVERYWHERE})
    lost = [place for place in places if _has_admin(before, place) and not _has_admin(after, place)]
    if lost:
        where = "everywhere" if EVERYWHERE in lost else f"in {', '.join(lost)}"
        raise RefusedError(
            f"{person} is the last admin {where}: nobody could give roles then",
            hint="make somebody else admin there first: `quarterdeck user grant PERSON admin --environment ...`",
        )


def _has_admin(found: Sequence[Grant], environment: str) -> bool:
    """Whether a person may give roles there; a token is nobody."""
    people = {grant.person for grant in found if not is_token(grant.person)}
    return any(_role_of(effective(found, person, environment)) is Role.ADMIN for person in people)


def _exact(tx: Connection, person: str, environment: str) -> Grant | None:
    return next((g for g in grants(tx) if (g.person, g.environment) == (person, environment)), None)


def _noted(grant: Grant | None) -> dict[str, Any] | None:
    if grant is None:
        return None
    return {"environment": grant.environment, "role": grant.role.value, "gates": grant.gates and list(grant.gates)}


def _role_of(grant: Grant | None) -> Role | None:
    return None if grant is None else grant.role


def _where(person: str, environment: str) -> tuple[Any, ...]:
    return (_role.c.person == person, _role.c.environment == environment)
