"""A server's own row in the table of services, written without SQLModel (services.py is for everyone else)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import JSON, Connection, DateTime, column, delete, insert, select, table, update

from quarterdeck.core.errors import ConflictError
from quarterdeck.core.values import ServiceKind

_service = table(
    "service",
    column("kind"),
    column("name"),
    column("pid"),
    column("process_started"),
    column("host"),
    column("port"),
    column("scheme"),
    column("certificate"),
    column("started_at", DateTime),
    column("heartbeat_at", DateTime),
    column("stopped_at", DateTime),
    column("detail", JSON),
)


HOME = "home"  # in a row's detail: where the database lay when the row was written


def home_of(tx: Connection) -> str | None:
    """Where this database lies: a copied workspace has its own place, and rows of processes that are not its own.

    None for a database server, which is one place for all.
    """
    url = tx.engine.url
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    return str(Path(url.database).resolve())


def is_from_here(tx: Connection, detail: Mapping[str, Any]) -> bool:
    """Whether a row was written where the database lies now."""
    return detail.get(HOME) in (None, home_of(tx))


def announce_server(
    tx: Connection, *, name: str, pid: int, host: str, port: int, certificate: str | None = None, now: datetime
) -> None:
    """Say that this process is now the server of this name; with a certificate's file it speaks HTTPS.

    Raises ConflictError while another one is.
    """
    kind = ServiceKind.SERVER.value
    where = (_service.c.kind == kind, _service.c.name == name)
    found = tx.execute(select(_service).where(*where)).one_or_none()
    if found is not None and found.pid != pid and is_from_here(tx, found.detail or {}) and _is_alive(found):
        raise ConflictError(
            f"a prediction server of this workspace runs already: process {found.pid}, port {found.port}",
            hint="stop that one first",
        )
    tx.execute(delete(_service).where(*where))
    tx.execute(
        insert(_service).values(
            kind=kind,
            name=name,
            pid=pid,
            process_started=psutil.Process(pid).create_time(),
            host=host,
            port=port,
            scheme="http" if certificate is None else "https",
            certificate=certificate,
            started_at=_plain(now),
            heartbeat_at=_plain(now),
            stopped_at=None,
            detail={HOME: home_of(tx)},
        )
    )


def beat_server(tx: Connection, *, name: str, pid: int, now: datetime, detail: dict[str, Any]) -> None:
    said = {**detail, HOME: home_of(tx)}
    tx.execute(update(_service).where(*_mine(name, pid)).values(heartbeat_at=_plain(now), detail=said))


def stop_server(tx: Connection, *, name: str, pid: int, now: datetime, detail: dict[str, Any]) -> None:
    """Say that this process has stopped; another's row stays as it is."""
    said = {**detail, HOME: home_of(tx)}
    values = {"heartbeat_at": _plain(now), "stopped_at": _plain(now), "detail": said}
    tx.execute(update(_service).where(*_mine(name, pid)).values(**values))


def has_ready_server(tx: Connection, *, name: str, other_than: int) -> bool:
    """Whether another process than this pid is the server now, lives, and has said that it is ready."""
    where = (_service.c.kind == ServiceKind.SERVER.value, _service.c.name == name)
    found = tx.execute(select(_service).where(*where)).one_or_none()
    if found is None or found.pid == other_than or not is_from_here(tx, found.detail or {}):
        return False
    return _is_alive(found) and bool((found.detail or {}).get("ready"))


def _mine(name: str, pid: int) -> tuple[Any, ...]:
    return (_service.c.kind == ServiceKind.SERVER.value, _service.c.name == name, _service.c.pid == pid)


def _plain(moment: datetime) -> datetime:
    """As the column keeps it: UTC without its zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _is_alive(row: Any) -> bool:
    return row.stopped_at is None and _runs(row.pid, row.process_started)


def _runs(pid: int, started: float) -> bool:
    """Whether the very process that wrote a row still runs: a pid alone may have been given again."""
    try:
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 0.05)
    except psutil.Error:
        return False
