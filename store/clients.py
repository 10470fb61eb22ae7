"""The clients of the prediction server as it reads them: by the hash of their secrets, without SQLModel.

tokens.py makes, rotates and revokes them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Connection, DateTime, column, select, table

from quarterdeck.core.clients import Client, Rates

_token = table(
    "token",
    column("name"),
    column("sha256"),
    column("expires_at", DateTime),
    column("revoked_at", DateTime),
    column("environment"),
    column("endpoints", JSON),
    column("rates", JSON),
    column("old_sha256"),
    column("old_until", DateTime),
)
_EVERYWHERE = "*"


def read_clients(tx: Connection, environment: str) -> dict[str, Client]:
    """Every secret's hash with what it means in an environment: also of tokens that are for no endpoint here."""
    found: dict[str, Client] = {}
    for row in tx.execute(select(_token)):
        here = row.environment in (environment, _EVERYWHERE)
        endpoints = frozenset(row.endpoints or ()) if here else frozenset()
        common: dict[str, Any] = {"name": row.name, "endpoints": endpoints, "revoked": row.revoked_at is not None}
        common["rates"] = Rates(**(row.rates or {}))
        until = _utc(row.expires_at)
        found[row.sha256] = Client(**common, until=until)
        if row.old_sha256 is not None:
            old_until = _utc(row.old_until) or _utc(row.revoked_at)
            found[row.old_sha256] = Client(**common, until=old_until, replaced=True)
    return found


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
