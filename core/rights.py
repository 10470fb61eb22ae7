"""Who may do what: roles, the rights each has, and refusals that say which right is missing and who has it.

A person (the operating system's user, or a token) has one role in an environment. Roles are nested: each may do
what the ones before it may. Loads without any library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quarterdeck.core.clients import Rates
from quarterdeck.core.errors import NotAllowedError

EVERYWHERE = "*"  # as an environment: all of them
TOKEN = "token:"  # noqa: S105 - a prefix. No account's name holds a colon: accounts are listed in lines parted by them


def person_of(actor: str) -> str:
    """Whose rights count: the one who acts ("alice as quarterdeck" is alice), whatever account they act through."""
    return actor.partition(" as ")[0]


def is_token(person: str) -> bool:
    """Whether a token acts, and no person."""
    return person.startswith(TOKEN)


class Role(StrEnum):
    """From the least to the greatest."""

    VIEWER = "viewer"  # looks
    REVIEWER = "reviewer"  # gives labels
    APPROVER = "approver"  # owns gates; approves; promotes where the gates are green, always demotes
    OPERATOR = "operator"  # everything but users and tokens
    ADMIN = "admin"


class Right(StrEnum):
    """What an act needs; the value is what a refusal says."""

    VIEW = "look"
    LABEL = "give labels"
    APPROVE = "approve versions"
    EDIT_GATES = "edit gates"
    PROMOTE = "promote where the gates are green"
    DEMOTE = "demote and roll back"
    OPERATE = "run pipelines, rollouts and triggers, import and retire"
    FORCE = "promote past a gate"
    ADMINISTER = "give roles and tokens"


_ADDS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.VIEW}),
    Role.REVIEWER: frozenset({Right.LABEL}),
    Role.APPROVER: frozenset({Right.APPROVE, Right.EDIT_GATES, Right.PROMOTE, Right.DEMOTE}),
    Role.OPERATOR: frozenset({Right.OPERATE, Right.FORCE}),
    Role.ADMIN: frozenset({Right.ADMINISTER}),
}


def rights_of(role: Role | None) -> frozenset[Right]:
    """Everything a role may; nobody's role (None) may nothing."""
    found: frozenset[Right] = frozenset()
    if role is None:
        return found
    for each in Role:
        found |= _ADDS[each]
        if each is role:
            break
    return found


def least_role(right: Right) -> Role:
    """The least role that has a right."""
    return next(role for role in Role if right in _ADDS[role])


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """A person's role in an environment; EVERYWHERE means all. `gates`: an approver promotes only where these pass."""

    person: str
    environment: str
    role: Role
    gates: tuple[str, ...] | None
    granted_by: str
    granted_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """Something that acts by itself under a name of its own; its secret is known to nobody but its holder.

    It acts by its roles. With endpoints it is also a client of the prediction server, in one environment or in all.
    """

    name: str
    created_by: str
    created_at: datetime  # UTC, as the others
    expires_at: datetime | None
    revoked_at: datetime | None
    environment: str | None = None  # where its endpoints count; None without any
    endpoints: tuple[str, ...] | None = None
    rates: Rates | None = None  # None: without limits
    old_until: datetime | None = None  # how long the secret before the last rotation counts beside the new one

    @property
    def actor(self) -> str:
        """As which it acts, and to which roles are given."""
        return f"{TOKEN}{self.name}"

    def state(self, now: datetime) -> str:
        """ "valid", "expired" or "revoked"."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"


def effective(grants: Sequence[Grant], person: str, environment: str) -> Grant | None:
    """The grant that counts: the environment's own, else the one for everywhere."""
    own = [grant for grant in grants if grant.person == person and grant.environment in (environment, EVERYWHERE)]
    return min(own, key=lambda grant: grant.environment == EVERYWHERE, default=None)


def refusal(
    right: Right, *, person: str, role: Role | None, environment: str, holders: Sequence[str]
) -> NotAllowedError:
    """What is said to somebody who lacks a right: which one, what they are, and who has it."""
    have = f"is {role}" if role is not None else "has no role"
    others = ", ".join(holders[:5]) or "nobody"
    place = "every environment" if environment == EVERYWHERE else environment
    return NotAllowedError(
        f'{person} {have} in {place}, and may not "{right}"',
        hint=f"that takes {least_role(right)}; in {place} that is {others}",
    )
