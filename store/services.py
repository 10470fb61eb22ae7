"""Which daemon and servers run: written by themselves, with a heartbeat; read by everyone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psutil
from sqlalchemy import Connection, delete, insert, select, update

from quarterdeck.core.errors import UnavailableError
from quarterdeck.core.operations import Service
from quarterdeck.core.values import ServiceKind
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.service_rows import HOME, home_of, is_from_here
from quarterdeck.store.tables import ServiceRow

_service = table(ServiceRow)


def process_started(pid: int) -> float | None:
    """When the process began, in seconds since 1970, or None if there is none: a pid alone may be used again."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def is_alive(service: Service) -> bool:
    """Whether the very process that wrote the row still runs on this machine."""
    return service.stopped_at is None and same_process(service.pid, service.process_started)


def same_process(pid: int, started: float) -> bool:
    """Whether this pid is still the process that started then (clock ticks round the time by up to 0.01 s)."""
    found = process_started(pid)
    return found is not None and abs(found - started) < 0.05


def running_server(tx: Connection) -> Service:
    """The workspace's prediction server, alive and listening. UnavailableError where there is none."""
    server = find(tx, ServiceKind.SERVER)
    if server is None or not is_alive(server) or server.port is None:
        hint = "`quarterdeck daemon start`, or `quarterdeck serve`"
        raise UnavailableError("no prediction server runs here", hint=hint)
    return server


def announce(
    tx: Connection,
    kind: ServiceKind,
    name: str,
    *,
    pid: int,
    now: datetime,
    host: str | None = None,
    port: int | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Say that this process is now the service of this kind and name."""
    tx.execute(delete(_service).where(_service.c.kind == kind.value, _service.c.name == name))
    tx.execute(
        insert(_service).values(
            kind=kind.value,
            name=name,
            pid=pid,
            process_started=process_started(pid) or 0.0,
            host=host,
            port=port,
            scheme="http",
            certificate=None,
            started_at=now,
            heartbeat_at=now,
            stopped_at=None,
            detail={**(detail or {}), HOME: home_of(tx)},
        )
    )


def beat(tx: Connection, kind: ServiceKind, name: str, *, now: datetime, detail: dict[str, Any] | None = None) -> None:
    values: dict[str, Any] = {"heartbeat_at": now}
    if detail is not None:
        values["detail"] = {**detail, HOME: home_of(tx)}
    tx.execute(update(_service).where(_service.c.kind == kind.value, _service.c.name == name).values(**values))


def stopped(tx: Connection, kind: ServiceKind, name: str, *, pid: int, now: datetime) -> None:
    """Say that this process has stopped; another's row stays as it is."""
    mine = (_service.c.kind == kind.value, _service.c.name == name, _service.c.pid == pid)
    tx.execute(update(_service).where(*mine).values(stopped_at=now))


def find(tx: Connection, kind: ServiceKind, name: str = "main") -> Service | None:
    """The one that wrote its row here; what a copied workspace says of the processes of another is not looked at."""
    row = tx.execute(select(_service).where(_service.c.kind == kind.value, _service.c.name == name)).one_or_none()
    return None if row is None or not is_from_here(tx, row.detail) else _to_service(row)


def every(tx: Connection) -> list[Service]:
    rows = tx.execute(select(_service).order_by(_service.c.kind, _service.c.name))
    return [_to_service(row) for row in rows if is_from_here(tx, row.detail)]


def _to_service(row: Any) -> Service:
    return value_of(Service, row, kind=ServiceKind, detail=_said)


def _said(detail: dict[str, Any]) -> dict[str, Any]:
    """What the process said; where its database lay is for this module."""
    return {key: value for key, value in detail.items() if key != HOME}
