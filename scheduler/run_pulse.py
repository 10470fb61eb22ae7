"""A worker says now and then that it lives, and ends where its run was taken from it.

A daemon on the same machine sees the process itself. One on another machine has nothing but this to go by.
"""

from __future__ import annotations

import logging
import os
import signal
import threading

from quarterdeck.core.errors import LeaseLostError, QuarterdeckError
from quarterdeck.core.runs import Run
from quarterdeck.store import leases, runs
from quarterdeck.store.engine import Database

log = logging.getLogger("quarterdeck.worker")

BEAT_S = 5.0
SILENT = 4  # leases of the daemon: a worker elsewhere that said nothing for so long is held dead
SILENT_LEAST_S = 20.0


def longest_silence(lease_seconds: float) -> float:
    """Seconds of the store's clock that a worker on another machine may be silent."""
    return max(SILENT * lease_seconds, SILENT_LEAST_S)


class RunPulse:
    """The signs of life of one worker, on a thread of its own."""

    def __init__(self, database: Database, run: Run) -> None:
        """`database` checks with every write that the run is still this worker's."""
        self._database, self._run = database, run
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Say no more. Returns at once: a write that waits for the store must not hold the worker up."""
        self._ended.set()

    def _beat(self) -> None:
        asked = False
        while not self._ended.wait(BEAT_S):
            try:
                with self._database.write() as tx:
                    cancelled = runs.get(tx, self._run.id).cancel_requested
                    runs.set_seen(tx, self._run.id, leases.store_clock(tx))
            except LeaseLostError as error:
                if not self._ended.is_set():
                    self._interrupt(str(error))
                return
            except QuarterdeckError as error:
                log.warning("%s", error)
                continue
            if cancelled and asked:  # a daemon beside us would have ended us by now: it is on another machine
                self._interrupt("cancelled")
                return
            asked = cancelled

    def _interrupt(self, why: str) -> None:
        log.warning("stops: %s", why)
        os.kill(os.getpid(), signal.SIGTERM)
