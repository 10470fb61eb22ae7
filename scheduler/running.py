"""A daemon's life around its rounds: the lock, the lease, what it says of itself, and what it does where it must wait.

It ends with an error where another daemon acts, or where a newer Quarterdeck has upgraded the store. It opens the store
anew where that was replaced. One that stands by waits for its turn, and again after it lost it.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from quarterdeck.core.errors import ConflictError, QuarterdeckError
from quarterdeck.scheduler.daemon import Daemon, End
from quarterdeck.scheduler.ground import Ground
from quarterdeck.scheduler.leadership import Leadership, obtain
from quarterdeck.scheduler.lock import NAME, LockFile, single_instance
from quarterdeck.scheduler.orders import Orders
from quarterdeck.scheduler.pulse import Pulse
from quarterdeck.scheduler.server_keeper import ServerKeeper
from quarterdeck.scheduler.service_manager import ServiceManager
from quarterdeck.scheduler.state import State, open_state
from quarterdeck.scheduler.workers import Workers
from quarterdeck.store.workspace import Workspace

log = logging.getLogger(__name__)

LOOK_S = 1.0  # between two tries to open a store that went away


def run_daemon(workspace: Workspace, *, standby: bool = False) -> None:
    """Be the daemon of a workspace until a signal says otherwise (orders.py).

    Raises ConflictError if the workspace, or the store, has a daemon already and this one does not stand by.
    """
    notify = ServiceManager.from_environment()
    orders = Orders()
    orders.follow_signals()
    life = _Life(workspace, notify, orders, standby=standby)
    while life.goes_on:
        if life.opened and not workspace.settings_file.exists():  # to lock there would make the folder anew
            life.wait(f"the workspace is gone: there is no {workspace.settings_file}")
            continue
        with single_instance(workspace.run / NAME) as lock:
            life.live(lock)
    notify.stopping("stopped")


class _Life:
    """What outlives a store that is opened anew: the processes that were started, and what to say."""

    def __init__(self, workspace: Workspace, notify: ServiceManager, orders: Orders, *, standby: bool) -> None:
        self._workspace, self._notify, self._orders, self._standby = workspace, notify, orders, standby
        self._daemon: Daemon | None = None
        self._workers: Workers | None = None
        self._server: ServerKeeper | None = None
        self._says = "starts"
        self._waits = 0  # grows while there is nothing to do but wait
        self.opened = False
        self.goes_on = True

    def live(self, lock: LockFile) -> None:
        """Until the end, or until the workspace under this lock is another."""
        pulse = Pulse(lock, self._notify, progress=self._progress, report=self._report)
        pulse.start()
        try:
            while self.goes_on and lock.is_there():
                self._once(lock, pulse)
        finally:
            pulse.close()

    def _once(self, lock: LockFile, pulse: Pulse) -> None:
        """Open the store, act for as long as that is right, and close it."""
        try:
            with open_state(self._workspace) as state, self._leading(state, pulse) as leadership:
                end = End.STOPPED if leadership is None else self._act(state, leadership, lock)
        except ConflictError:
            raise
        except QuarterdeckError as error:
            if not self.opened:
                raise  # whoever starts it is told; it is not for a first start to wait
            self.wait(str(error))
            return
        finally:
            self._daemon = None
        self.opened = True
        self.goes_on = end is End.REPLACED or (end is End.LOST and self._standby)
        if leadership is None or self.goes_on:
            return
        raise_for = {End.LOST: leadership.lost, End.OUTDATED: leadership.outdated}.get(end)
        if raise_for is not None:
            raise raise_for

    @contextmanager
    def _leading(self, state: State, pulse: Pulse) -> Iterator[Leadership | None]:
        """With the lease; None where a stop came before it."""
        seconds = state.settings.lease_seconds
        lease = obtain(
            state.database, seconds=seconds, standby=self._standby, stopping=self._orders.stopping, say=self._wait_says
        )
        if lease is None:
            yield None
            return
        leadership = Leadership(state.database, lease, seconds=seconds, goes_on=pulse.goes_on)
        leadership.start()
        try:
            yield leadership
        finally:
            leadership.close()

    def _act(self, state: State, leadership: Leadership, lock: LockFile) -> End:
        fenced = replace(state, database=state.database.fenced(leadership.check))
        daemon = self._daemon = Daemon(
            fenced,
            leadership,
            orders=self._orders,
            ground=Ground(self._workspace, state.database, lock),
            notify=self._notify,
            workers=self._workers,
            server=self._server,
        )
        self._workers, self._server, self.opened = daemon.workers, daemon.server, True
        self._notify.ready(self._working())
        return daemon.run()

    def wait(self, why: str) -> None:
        """The store cannot be opened now: look again in a moment."""
        if why != self._says:
            log.error("waits: %s", why)
        self._says = why
        self._waits += 1
        self._orders.stopping.wait(LOOK_S)
        self.goes_on = not self._orders.stopping.is_set()

    def _wait_says(self, text: str) -> None:
        log.warning("%s", text)
        self._says = text
        if self._standby:
            self._notify.ready(text)

    def _progress(self) -> int:
        """Grows while there are rounds, or while waiting is all that there is to do."""
        if self._daemon is not None:
            return self._daemon.ticking.progress
        self._waits += 1
        return -self._waits

    def _working(self) -> str:
        if self._daemon is None:
            return self._says
        if not self._daemon.stands:
            return f"waits: {self._daemon.ticking.problems.get('ground')}"
        problems = self._daemon.detail()["problems"]
        return f"works, but for: {', '.join(problems)}" if problems else "works"

    def _report(self) -> dict[str, Any]:
        daemon = self._daemon
        return {
            "says": self._working() if daemon is not None else self._says,
            "acts": daemon is not None and daemon.stands,
            "machine": socket.gethostname(),
            "detail": {} if daemon is None else daemon.detail(),
        }
