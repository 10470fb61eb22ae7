"""Keeps the prediction server up: adopts one that runs, starts one that does not, and again with backoff if it dies.

The server outlives a killed daemon: answering requests must not depend on the process that trains.
"""

from __future__ import annotations

import logging
import subprocess
from datetime import datetime

from quarterdeck.core.values import ServiceKind
from quarterdeck.scheduler.backoff import Backoff
from quarterdeck.scheduler.processes import spawn, terminate
from quarterdeck.scheduler.state import State
from quarterdeck.store import services

log = logging.getLogger(__name__)

PATIENCE_S = 10.0


class ServerKeeper:
    """One prediction server for the workspace."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._child: subprocess.Popen[bytes] | None = None
        self._backoff = Backoff()
        self._pid_file = state.workspace.run / "server.pid"
        self._log = state.workspace.logs / "server.log"
        self.problem: str | None = None

    def use(self, state: State) -> None:
        """Go on with other settings, which the next server has, or on a store that was opened anew."""
        self._state = state

    def tick(self, _now: datetime) -> None:
        if self._child is not None and self._child.poll() is None:
            self._backoff.look()
            self._listens()
            return
        with self._state.database.read() as tx:
            service = services.find(tx, ServiceKind.SERVER)
        if service is not None and services.is_alive(service):
            return  # started by hand, or by a daemon that died
        if self._child is not None:
            self._backoff.failed()
            times = f", {self._backoff.failures} times on end" if self._backoff.failures > 1 else ""
            self.problem = f"it ended with exit {self._child.returncode}{times}: {self._last_words()}"
            log.warning("the prediction server: %s; again in %.1f s", self.problem, self._backoff.wait_s)
            self._child = None
        if self._backoff.ready:
            self._start()

    def stop(self) -> None:
        """Stop the server that a daemon started; one that was started by hand goes on."""
        if self._child is not None:
            terminate(self._child.pid, patience=PATIENCE_S)
            self._child.wait()
            self._child = None
        with self._state.database.read() as tx:
            service = services.find(tx, ServiceKind.SERVER)
        if service is not None and services.is_alive(service) and self._is_kept(service.pid):
            terminate(service.pid, patience=PATIENCE_S)

    def _listens(self) -> None:
        """Forget the problem once the new process answers, and goes on answering where several did not."""
        if self.problem is None or self._child is None or self._backoff.looping:
            return
        with self._state.database.read() as tx:
            service = services.find(tx, ServiceKind.SERVER)
        if service is not None and service.pid == self._child.pid:
            self.problem = None

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return lines[-1] if lines else "it said nothing"

    def _is_kept(self, pid: int) -> bool:
        return self._pid_file.exists() and self._pid_file.read_text() == str(pid)

    def _start(self) -> None:
        self._backoff.started()
        self._child = spawn(
            "quarterdeck.scheduler.serving",
            "--workspace",
            str(self._state.workspace.root),
            log=self._log,
            single_threaded=True,
        )
        self._pid_file.write_text(str(self._child.pid))
        log.info("the prediction server starts as process %s", self._child.pid)
