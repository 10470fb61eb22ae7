"""The header's facts: whether daemon and server live, and what the person may.

In coarse words: a screen at rest stays at rest.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from quarterdeck.console.formats import age
from quarterdeck.console.queries.values import NO_ROLE, Status
from quarterdeck.core.operations import Service
from quarterdeck.core.rights import Role, rights_of
from quarterdeck.core.values import AlertState, ServiceKind
from quarterdeck.store import alerts, reviews, rights, services


def status(tx: Connection, now: datetime, patience: float, *, person: str, environment: str) -> Status:
    """`patience` is how many seconds a service may be silent before it is held dead."""
    role = role_of(tx, person, environment)
    daemon, daemon_tone = service_state(services.find(tx, ServiceKind.DAEMON), now, patience)
    server, server_tone = service_state(services.find(tx, ServiceKind.SERVER), now, patience)
    unresolved = alerts.page(tx, unresolved=True, limit=500)
    return Status(
        daemon=daemon,
        daemon_tone=daemon_tone,
        server=server,
        server_tone=server_tone,
        open_alerts=sum(alert.state is AlertState.OPEN for alert in unresolved),
        role=NO_ROLE if role is None else role.value,
        rights=rights_of(role),
        reviews=sum(reviews.waiting(tx, environment).values()),
    )


def role_of(tx: Connection, person: str, environment: str) -> Role | None:
    """A person's role here; in a workspace where nobody has one, the first who acts is admin."""
    if rights.is_new(tx):
        return Role.ADMIN
    grant = rights.grant_of(tx, person, environment)
    return None if grant is None else grant.role


def service_state(service: Service | None, now: datetime, patience: float) -> tuple[str, str]:
    """A word and a tone. "died": its process has gone without saying so."""
    if service is None:
        return "none", "dim"
    if service.stopped_at is not None:
        return "stopped", "warn"
    silent = service.silent_for(now)
    if silent.total_seconds() <= patience:
        return "ok", "ok"
    if not services.is_alive(service):
        return "died", "bad"
    return f"silent {age(silent)}", "bad"
