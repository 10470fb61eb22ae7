"""How the daemon is: by its row in the store, by what it says in its lock file, and by who holds the lease.

The lock file is read first: where the database is locked, damaged or gone it alone can say what the matter is, and a
database that is gone must not be made anew by whoever asks.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from quarterdeck.console.cli.service import about
from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.operations import Service
from quarterdeck.core.values import ServiceKind
from quarterdeck.scheduler.lock import NAME, read_lock
from quarterdeck.store import leases, services


def daemon_status(explicit: Path | None, *, read_only: bool) -> dict[str, Any] | None:
    """What can be told; None where no daemon has ever run. Status: running, waiting, stopped or died."""
    with Console.open(explicit, read_only=read_only) as console:
        said = read_lock(console.workspace.run / NAME)
        gone = console.settings.database_url is None and not console.workspace.database.exists()
        if said is not None and gone:
            return _by_lock(said, "the database is gone")
        try:
            with console.database.read() as tx:
                service, lease = services.find(tx, ServiceKind.DAEMON), _lease(tx)
        except QuarterdeckError as error:
            if said is None:
                raise
            return _by_lock(said, str(error))
    return _told(service, said, lease)


def _told(service: Service | None, said: dict[str, Any] | None, lease: dict[str, Any] | None) -> dict[str, Any] | None:
    if service is None or (said is not None and said.get("pid") != service.pid):
        return None if said is None else {**_by_lock(said, None), "lease": lease}
    found = about(service) | {"says": None, "lease": lease}
    if lease is not None and found["status"] == "died" and not lease["here"] and lease["expires_in_s"] > 0:
        found |= {"status": "running", "says": f"works on {lease['machine']}"}
    if said is not None:
        found["says"] = said.get("says")
        found["detail"] = said.get("detail") or found["detail"]  # a second old, where the row is of the last heartbeat
    return found


def _by_lock(said: dict[str, Any], store: str | None) -> dict[str, Any]:
    """A daemon that lives and does not act, or whose store cannot be read."""
    at = said.get("at")
    return {
        "kind": ServiceKind.DAEMON,
        "name": "main",
        "status": "running" if said.get("acts") else "waiting",
        "says": said.get("says"),
        "pid": said.get("pid"),
        "heartbeat_at": None if at is None else datetime.fromisoformat(at),
        "silent_for": None if at is None else utc_now() - datetime.fromisoformat(at),
        "store": store,
        "detail": said.get("detail") or {},
    }


def _lease(tx: Connection) -> dict[str, Any] | None:
    """Who may act for the store."""
    found = leases.find(tx, leases.DAEMON)
    if found is None or found.holder is None:
        return None
    left = found.expires - leases.store_clock(tx)
    return {
        "token": found.token,
        "machine": leases.machine_of(found.place),
        "here": found.place == leases.this_place(),
        "pid": found.pid,
        "expires_in_s": round(left, 1),
    }
