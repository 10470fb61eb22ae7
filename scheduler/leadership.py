"""The daemon's lease: waited for, held by a thread that renews it, checked in every write, and given back.

It is renewed only while the daemon's rounds go on: one that hangs lets it go, and another may take over.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable

from sqlalchemy import Connection

from quarterdeck.core.errors import ConflictError, LeaseLostError, QuarterdeckError, UnavailableError
from quarterdeck.store import leases
from quarterdeck.store.engine import Database
from quarterdeck.store.leases import Lease

log = logging.getLogger(__name__)

RENEWALS = 5  # in the time of a lease
LOOK_S = 1.0  # between two looks at another's lease, at most


class Leadership:
    """The lease while it is held."""

    def __init__(self, database: Database, lease: Lease, *, seconds: float, goes_on: Callable[[], bool]) -> None:
        self._database = database
        self._seconds = seconds
        self._goes_on = goes_on
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self.lease = lease
        self.lost: LeaseLostError | None = None
        self.outdated: UnavailableError | None = None  # the store was upgraded by a newer Quarterdeck

    @property
    def token(self) -> int:
        return self.lease.token

    def check(self, tx: Connection) -> None:
        """For Database.fenced: LeaseLostError, remembered, where another holds the lease."""
        try:
            leases.check(tx, self.lease.name, self.lease.token)
        except LeaseLostError as error:
            self.lost = error
            raise
        except UnavailableError as error:
            self.outdated = error
            raise

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Renew no more, and give the lease back if it is still ours and the store can be written."""
        self._ended.set()
        self._thread.join()
        if self.lost is not None:
            return
        try:
            with self._database.write() as tx:
                leases.release(tx, self.lease)
        except QuarterdeckError as error:
            log.warning("the lease was not given back, and runs out by itself: %s", error)

    def _renew(self) -> None:
        said = ""
        while not self._ended.wait(self._seconds / RENEWALS):
            if self.lost is not None or not self._goes_on():
                continue
            try:
                with self._database.write() as tx:
                    self.lease = leases.renew(tx, self.lease, seconds=self._seconds)
                said = ""
            except LeaseLostError as error:
                self.lost = error
            except QuarterdeckError as error:  # the daemon's own writes fail likewise, and are told of
                if str(error) != said:
                    log.warning("the lease could not be renewed: %s", error)
                said = str(error)


def obtain(
    database: Database, *, seconds: float, standby: bool, stopping: threading.Event, say: Callable[[str], None]
) -> Lease | None:
    """Take the lease, waiting for it as long as need be; None if `stopping` is set first.

    Without `standby` it waits only while the other might be dead, and raises ConflictError when that one renews.
    """
    holder = f"daemon, process {os.getpid()} on {socket.gethostname()}"
    first: Lease | None = None  # the other's, as it was seen first
    while not stopping.is_set():
        try:
            with database.write() as tx:
                return leases.take(tx, leases.DAEMON, holder=holder, seconds=seconds)
        except ConflictError as error:
            first = _watched(database, first, error, standby=standby, say=say)
        except UnavailableError as error:
            if not standby:
                raise
            say(f"stands by; the store cannot be used: {error}")
        stopping.wait(min(LOOK_S, seconds / RENEWALS))
    return None


def _watched(
    database: Database, first: Lease | None, error: ConflictError, *, standby: bool, say: Callable[[str], None]
) -> Lease | None:
    """The other's lease to compare with from now on. Raises `error` where that one lives and we do not stand by."""
    with database.read() as tx:
        found = leases.find(tx, leases.DAEMON)
    if first is None or found is None or found.token != first.token:
        say(f"{'stands by' if standby else 'waits to see whether it lives'}: {error.message}")
        return found
    if found.expires > first.expires and not standby:
        raise error
    return first
