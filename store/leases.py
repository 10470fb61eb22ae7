"""Which daemon acts for a store: a lease with a fencing token, taken and renewed by compare-and-set.

The token grows with every change of hands and never falls. Who holds the lease checks its token in the transaction of
each write (Database.fenced): one that was frozen, or cut off, until another took over can write nothing any more.

Times are on a clock that all holders share and nobody sets: seconds since the machine's start where the store is a
SQLite file, which lies on one machine, and the server's own clock where it is PostgreSQL.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, text, update

from quarterdeck.core.errors import ConflictError, LeaseLostError, UnavailableError
from quarterdeck.store.migrate import HEAD
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.services import process_started, same_process
from quarterdeck.store.tables import LeaseRow

DAEMON = "daemon"

_lease = table(LeaseRow)
_FREE = {"holder": None, "pid": None, "process_started": None, "place": None, "expires": 0.0}

Clock = Callable[[Connection], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """A lease as its row says; `expires` on the store's clock."""

    name: str
    token: int
    holder: str | None
    pid: int | None
    process_started: float | None
    place: str | None
    expires: float


def store_clock(tx: Connection) -> float:
    """Seconds on the clock that everybody who opens this store shares."""
    if tx.dialect.name == "sqlite":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    # not now(): that is when the transaction began, which may have waited for a lock since
    return float(tx.execute(text("SELECT EXTRACT(EPOCH FROM clock_timestamp())")).scalar_one())


@cache
def this_place() -> str:
    """Where a process id of this process's means something: the machine since its last start, and the container."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{socket.gethostname()}/{boot}/{Path('/proc/self/ns/pid').readlink()}"


def machine_of(place: str | None) -> str:
    """The name of the machine in a place."""
    return "an unknown machine" if place is None else place.partition("/")[0]


def take(tx: Connection, name: str, *, holder: str, seconds: float, clock: Clock = store_clock) -> Lease:
    """Become the holder if the lease is free; ConflictError, naming the holder, if it is not."""
    tx.execute(
        text("INSERT INTO lease (name, token, expires) VALUES (:name, 0, 0) ON CONFLICT DO NOTHING"), {"name": name}
    )
    seen = _to_lease(tx.execute(_row(name).with_for_update()).one())
    now = clock(tx)
    if not is_free(tx, seen, now):
        raise held(seen)
    values: dict[str, Any] = {
        "token": seen.token + 1,
        "holder": holder,
        "pid": os.getpid(),
        "process_started": process_started(os.getpid()),
        "place": this_place(),
        "expires": now + seconds,
    }
    _change(tx, seen, values)
    return replace(seen, **values)


def renew(tx: Connection, lease: Lease, *, seconds: float, clock: Clock = store_clock) -> Lease:
    """Hold it for so many seconds more, also where it ran out meanwhile and nobody took it.

    Raises LeaseLostError if another holds it.
    """
    expires = clock(tx) + seconds
    _change(tx, lease, {"expires": expires})
    return replace(lease, expires=expires)


def release(tx: Connection, lease: Lease) -> None:
    """Give it back; the token stays, for the next one to count on. Another's is left alone."""
    tx.execute(update(_lease).where(_lease.c.name == lease.name, _lease.c.token == lease.token).values(**_FREE))


def check(tx: Connection, name: str, token: int) -> None:
    """Make sure, until this transaction ends, that the lease has this token and the schema is the one we know.

    Raises LeaseLostError where it has another, UnavailableError where a newer Quarterdeck has upgraded the store.
    """
    query = select(_lease.c.token, text("alembic_version.version_num")).select_from(_lease, text("alembic_version"))
    # a shared lock where there are such locks; SQLite lets one writer in at a time anyway
    found = tx.execute(query.where(_lease.c.name == name).with_for_update(read=True, of=_lease)).one_or_none()
    if found is None or found[0] != token:
        raise _lost(name, token, None if found is None else find(tx, name))
    if found[1] != HEAD:
        raise UnavailableError(
            f"the store was brought to schema {found[1]} while this process, which knows {HEAD}, was at work",
            hint="start it again with the Quarterdeck that did so",
        )


def find(tx: Connection, name: str) -> Lease | None:
    row = tx.execute(_row(name)).one_or_none()
    return None if row is None else _to_lease(row)


def is_free(tx: Connection, lease: Lease, now: float) -> bool:
    """Whether anybody may take it at this moment of the store's clock."""
    if lease.holder is None or lease.expires <= now:
        return True
    if lease.place == this_place():
        return not same_process(lease.pid or 0, lease.process_started or 0.0)
    # a file lies on one machine: who took it before the machine's last start is no more
    return tx.dialect.name == "sqlite" and _boot(lease.place) != _boot(this_place())


def held(lease: Lease) -> ConflictError:
    """Why it cannot be taken."""
    return ConflictError(
        f"another daemon acts for this store: process {lease.pid} on {machine_of(lease.place)}",
        hint="stop that one, or start this one with --standby to take over when that one ends",
    )


def _boot(place: str | None) -> str:
    return (place or "//").split("/")[1]


def _change(tx: Connection, seen: Lease, values: dict[str, Any]) -> None:
    """Write if the token is still the one that was seen."""
    same = (_lease.c.name == seen.name, _lease.c.token == seen.token)
    if tx.execute(update(_lease).where(*same).values(**values)).rowcount != 1:
        raise _lost(seen.name, seen.token, find(tx, seen.name))


def _lost(name: str, token: int, now: Lease | None) -> LeaseLostError:
    if now is None:
        return LeaseLostError(f"the lease {name!r} with token {token} is gone from the store")
    by = f", by process {now.pid} on {machine_of(now.place)}" if now.holder is not None else ""
    return LeaseLostError(
        f"the lease {name!r} was taken over{by}: it has token {now.token}, this process had {token}",
        hint="only the one with the newest token may act for the store",
    )


def _row(name: str) -> Any:
    return select(_lease).where(_lease.c.name == name)


def _to_lease(row: Any) -> Lease:
    return value_of(Lease, row)
