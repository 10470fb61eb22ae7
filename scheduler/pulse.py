"""The daemon's signs of life, on a thread of their own: the lock file, and systemd's watchdog while rounds go on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from quarterdeck.core.clock import utc_now
from quarterdeck.scheduler.lock import LockFile
from quarterdeck.scheduler.service_manager import ServiceManager

log = logging.getLogger(__name__)

BEAT_S = 1.0
STALLED_S = 60.0  # no job has ended for so long: it hangs (a write waits 30 s for a locked database)


class Pulse:
    """Looks each second whether `progress()` has grown, and says what `report()` gives."""

    def __init__(
        self,
        lock: LockFile,
        notify: ServiceManager,
        *,
        progress: Callable[[], int],
        report: Callable[[], dict[str, Any]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lock, self._notify = lock, notify
        self._progress, self._report, self._clock = progress, report, clock
        self._seen = -1
        self._seen_at = clock()
        self._fed = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def goes_on(self) -> bool:
        """Whether a job has ended lately."""
        return self._clock() - self._seen_at < STALLED_S

    def look(self) -> None:
        """One beat."""
        progress, now = self._progress(), self._clock()
        moved = progress != self._seen
        if moved:
            self._seen, self._seen_at = progress, now
        limit = self._notify.watchdog_s
        if moved and limit is not None and now - self._fed >= min(limit / 4, 10.0):
            self._notify.alive()
            self._fed = now
        report = self._report()
        self._notify.status(str(report.get("says", "")))
        self._lock.say({"at": utc_now().isoformat(), "stalled_s": round(now - self._seen_at, 1), **report})

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            try:
                self.look()
            except OSError as error:
                log.debug("the lock file was not written: %s", error)
