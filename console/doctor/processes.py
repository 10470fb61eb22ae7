"""The daemon and the prediction server: do they live, do they answer, is the port free."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta

from quarterdeck.console.doctor.finding import Finding, fail, ok, warn
from quarterdeck.console.formats import lasted
from quarterdeck.core.operations import Service
from quarterdeck.core.settings import Settings
from quarterdeck.core.values import ServiceKind
from quarterdeck.store import services
from quarterdeck.store.engine import Database

MISSED = 5  # heartbeats
_PATIENCE_S = 2.0


def processes(database: Database, settings: Settings, now: datetime) -> Iterator[Finding]:
    with database.read() as tx:
        daemon = services.find(tx, ServiceKind.DAEMON)
        server = services.find(tx, ServiceKind.SERVER)
    yield _service(ServiceKind.DAEMON, daemon, settings, now, start="quarterdeck daemon start")
    for name, said in (daemon.detail.get("problems", {}) if daemon and services.is_alive(daemon) else {}).items():
        yield warn("daemon", f"{name}: {said}", "`quarterdeck daemon logs` says more")
    yield _service(ServiceKind.SERVER, server, settings, now, start="quarterdeck daemon start, or quarterdeck serve")
    yield _port(server, settings)
    yield from _lost(server)


def _lost(server: Service | None) -> Iterator[Finding]:
    """Answers that never reached the log are no fault of now, and nothing can be done: it is only said."""
    lost = server.detail.get("lost", 0) if server is not None else 0
    if lost:
        yield ok("log", f"{lost:,} answers of killed processes never reached the prediction log")


def _service(kind: ServiceKind, service: Service | None, settings: Settings, now: datetime, *, start: str) -> Finding:
    if service is None or service.stopped_at is not None:
        return warn(kind, "does not run", start)
    if not services.is_alive(service):
        return fail(kind, f"process {service.pid} is gone without a word", f"`quarterdeck daemon logs`, then {start}")
    silent = service.silent_for(now)
    seen = f"process {service.pid}, heartbeat {lasted(silent)} ago"
    if silent > MISSED * timedelta(seconds=settings.heartbeat_seconds):
        return fail(kind, seen, "it lives and does not work: see its log, stop it and start it again")
    return ok(kind, seen)


def _port(server: Service | None, settings: Settings) -> Finding:
    """A running server must answer; without one its port must be free."""
    if server is not None and services.is_alive(server) and server.port is not None:
        host = server.host or settings.host
        try:
            socket.create_connection((host, server.port), timeout=_PATIENCE_S).close()
        except OSError as error:
            return fail("port", f"{host}:{server.port} does not answer: {error}", "`quarterdeck daemon logs --server`")
        return ok("port", f"{host}:{server.port} answers")
    place = f"{settings.host}:{settings.port}"
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        do = "set another [server] port in quarterdeck.toml, or stop what has it"
        return fail("port", f"{place} cannot be taken: {error.strerror}", do)
    return ok("port", f"{place} is free")
