"""Acts on people, tokens and approvals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection

from quarterdeck.console.acts.guard import audit_of, permitted, require
from quarterdeck.console.context import Console
from quarterdeck.console.queries.gate_names import gate_names
from quarterdeck.core.approval import Approval
from quarterdeck.core.clients import Rates, checked_endpoints
from quarterdeck.core.errors import NotFoundError, RefusedError, UsageError
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.rights import TOKEN, Grant, Right, Role, Token, is_token
from quarterdeck.core.toml_table import expected_names
from quarterdeck.store import approvals, registry, rights, tokens

LONGEST_GRACE = timedelta(days=30)
_LONGEST = 64  # characters of a person's name, as accounts have


def grant(
    console: Console, person: str, role: Role, *, environment: str, reason: str, gates: tuple[str, ...] | None = None
) -> Grant:
    """Give a person, or a token as "token:NAME", a role, in place of the one they had in that environment."""
    _check_person(person)
    if gates is not None and role is not Role.APPROVER:
        raise UsageError(f"gates bind an approver, and {person} would be {role}", hint="leave --gate away")
    with permitted(console, Right.ADMINISTER, act="grant", subject=person, environment=environment) as tx:
        if is_token(person):
            tokens.get(tx, person.removeprefix(TOKEN))
        _check_gates(gate_names(tx, console.workspace), gates or ())
        return rights.grant(tx, person, environment, role, audit_of(console, reason), gates=gates)


def revoke(console: Console, person: str, *, environment: str, reason: str) -> None:
    """Take a person's role in an environment away."""
    with permitted(console, Right.ADMINISTER, act="revoke", subject=person, environment=environment) as tx:
        rights.revoke(tx, person, environment, audit_of(console, reason))


def create_token(
    console: Console,
    name: str,
    role: Role | None,
    *,
    environment: str,
    days: int,
    reason: str,
    endpoints: Sequence[str] = (),
    rates: Rates | None = None,
) -> tuple[Token, str]:
    """A token with a role, or with endpoints of the prediction server, or both.

    Gives its secret, which nobody can ask for again.
    """
    limited = rates is not None and rates.set()
    if role is None and not endpoints:
        raise UsageError("the token would be for nothing", hint="give --role, --endpoint, or both")
    if limited and not endpoints:
        raise UsageError("a rate limits what is asked of endpoints, and there are none", hint="give --endpoint")
    subject = f"{TOKEN}{name}"
    with permitted(console, Right.ADMINISTER, act="create_token", subject=subject, environment=environment) as tx:
        audit = audit_of(console, reason)
        asks = checked_endpoints(endpoints, registry.models(tx))
        until = audit.at + timedelta(days=days)
        secret = tokens.create(
            tx, name, audit, expires_at=until, environment=environment, endpoints=asks or None, rates=rates
        )
        if role is not None:
            rights.grant(tx, subject, environment, role, audit)
        return tokens.get(tx, name), secret


def rotate_token(
    console: Console, name: str, *, days: int | None, reason: str, grace: timedelta = timedelta(0)
) -> tuple[Token, str]:
    """A new secret in place of the old one, which counts for a grace beside it. Without `days` the token ends when it
    would have; one that has ended must be given some.

    Who gets it gets the token's roles and endpoints, so they must be able to give those.
    """
    if grace > LONGEST_GRACE:
        raise UsageError(f"the old secret would count for {grace.days} days more", hint="a grace is at most 30d")
    with permitted(console, Right.ADMINISTER, act="rotate_token", subject=f"{TOKEN}{name}") as tx:
        token = tokens.get(tx, name)
        _over_token(tx, console, token)
        audit = audit_of(console, reason)
        if days is None and token.expires_at is not None and token.expires_at <= audit.at:
            raise UsageError(f"the token {name} has expired", hint="say how long it counts from now on: --days 30")
        until = token.expires_at if days is None else audit.at + timedelta(days=days)
        secret = tokens.rotate(tx, name, audit, expires_at=until, grace=grace)
        return tokens.get(tx, name), secret


def revoke_token(console: Console, name: str, *, reason: str) -> Token:
    """A token counts no more, and its roles are taken away."""
    with permitted(console, Right.ADMINISTER, act="revoke_token", subject=f"{TOKEN}{name}") as tx:
        token = tokens.get(tx, name)
        _over_token(tx, console, token)
        audit = audit_of(console, reason)
        for environment in rights.environments_of(tx, token.actor):
            rights.revoke(tx, token.actor, environment, audit)
        return tokens.revoke(tx, name, audit)


def approve(console: Console, reference: str, *, reason: str) -> Approval:
    """A person's yes to a version, which its promotion may need."""
    with permitted(console, Right.APPROVE, act="approve", subject=reference) as tx:
        return approvals.approve(tx, _version(tx, console, reference), audit_of(console, reason))


def unapprove(console: Console, reference: str, *, reason: str) -> Version:
    """Take one's own yes back. Nobody else's: who doubts a version that others approved demotes it."""
    with permitted(console, Right.APPROVE, act="unapprove", subject=reference) as tx:
        version = _version(tx, console, reference)
        approvals.withdraw(tx, version, audit_of(console, reason))
        return version


def _check_gates(known: set[str], asked: tuple[str, ...]) -> None:
    """A role that is bound to a gate which nobody asks would never let its holder promote."""
    for name in asked:
        if known and name not in known:
            raise NotFoundError(f"no pipeline has a gate or a metric {name!r}", hint=expected_names(name, known))


def _over_token(tx: Connection, console: Console, token: Token) -> None:
    places = {*rights.environments_of(tx, token.actor), *([token.environment] if token.environment else [])}
    for environment in sorted(places):
        require(tx, console, Right.ADMINISTER, environment=environment)


def _version(tx: Connection, console: Console, reference: str) -> Version:
    wanted = parse_reference(reference)
    if wanted.version is None and wanted.alias is None:
        raise UsageError(f"{reference!r} does not say which version", hint=f"write {wanted.model}@NUMBER")
    return registry.resolve(tx, wanted, console.environment)


def _check_person(person: str) -> None:
    if not person or len(person) > _LONGEST or not person.isprintable() or " " in person:
        hint = "write the account's name as `quarterdeck user whoami` says it, or token:NAME"
        raise UsageError(f"{person!r} is no person's name", hint=hint)
    if person == "daemon":
        raise RefusedError("the daemon acts by the manifests, not by a role", hint="see [rollout] in pipeline.toml")
