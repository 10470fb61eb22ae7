"""The header's facts: whether daemon and server live. In coarse words: a screen at rest stays at rest."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from quarterdeck.console.formats import age
from quarterdeck.console.queries.values import Status
from quarterdeck.core.operations import Service
from quarterdeck.core.values import AlertState, ServiceKind
from quarterdeck.store import alerts, services


def status(tx: Connection, now: datetime, patience: float) -> Status:
    """`patience` is how many seconds a service may be silent before it is held dead."""
    daemon, daemon_tone = service_state(services.find(tx, ServiceKind.DAEMON), now, patience)
    server, server_tone = service_state(services.find(tx, ServiceKind.SERVER), now, patience)
    unresolved = alerts.page(tx, unresolved=True, limit=500)
    return Status(
        daemon=daemon,
        daemon_tone=daemon_tone,
        server=server,
        server_tone=server_tone,
        open_alerts=sum(alert.state is AlertState.OPEN for alert in unresolved),
    )


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
