"""The clock of the schedule triggers: it knows when each comes due, and calls once for all that are due together.

APScheduler's memory store holds one job, the next moment at which anything is due: ten thousand triggers cost no more
than one, no job is ever pickled, and the times themselves are in the trigger rows (core/schedules.py computes them).
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger

from quarterdeck.core.clock import utc_now

log = logging.getLogger(__name__)

JOB = "next"
RETRY = timedelta(seconds=1)  # after a call that failed, as where the database was locked

Times = Mapping[int, datetime | None]


class Timetable:
    """Calls `due({trigger: its time})` on a thread of its own; what that gives back are their next times."""

    def __init__(self, due: Callable[[dict[int, datetime]], Times]) -> None:
        self._due = due
        self._lock = threading.Lock()
        self._times: dict[int, datetime] = {}
        self._heap: list[tuple[datetime, int]] = []
        self._armed: datetime | None = None
        self._ringing = threading.Lock()
        self._stopped = False
        self._scheduler = BackgroundScheduler(
            timezone=ZoneInfo("UTC"),
            executors={"default": {"type": "threadpool", "max_workers": 1}},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """A call under way ends, and no other begins.

        APScheduler holds its locks while it waits for its threads, and one that plans anew wants those locks: it must
        have nothing to wait for.
        """
        with self._lock:
            self._stopped = True
        if self._scheduler.running:
            self._scheduler.remove_all_jobs()
            with self._ringing:
                pass
            self._scheduler.shutdown(wait=False)

    def plan(self, times: Times) -> None:
        """Set when triggers come due; None: not by the clock."""
        with self._lock:
            for key, at in times.items():
                self._times.pop(key, None)
                if at is not None:
                    self._times[key] = at
                    heapq.heappush(self._heap, (at, key))
            self._arm()

    def next_times(self) -> dict[int, datetime]:
        with self._lock:
            return dict(self._times)

    def look(self, now: datetime) -> None:
        """Where the wall's clock was set, or the machine slept, the moment that was waited for may have passed."""
        with self._lock:
            if self._armed is not None and now - self._armed > RETRY:
                self._armed = None
                self._arm()

    def _arm(self) -> None:
        """Wait for the soonest. The lock is held."""
        if self._stopped:
            return
        while self._heap and self._times.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # planned anew since
        soonest = self._heap[0][0] if self._heap else None
        if soonest is None or soonest == self._armed:
            return
        self._armed = soonest
        self._scheduler.add_job(self._ring, DateTrigger(soonest), id=JOB, replace_existing=True)

    def _ring(self) -> None:
        with self._ringing:
            if not self._stopped:
                self._call_due(utc_now())

    def _call_due(self, now: datetime) -> None:
        due = self._take(now)
        if not due:
            return
        try:
            after = self._due(due)
        except Exception:  # the thread's boundary: the rows still say that these are due
            log.exception("the triggers that are due could not be looked at; once more in a second")
            after = dict.fromkeys(due, now + RETRY)
        with self._lock:  # what was planned anew meanwhile stays as it was planned
            fresh = {key: at for key, at in after.items() if key not in self._times}
        self.plan(fresh)

    def _take(self, now: datetime) -> dict[int, datetime]:
        with self._lock:
            due = {}
            while self._heap and self._heap[0][0] <= now:
                at, key = heapq.heappop(self._heap)
                if self._times.get(key) == at:
                    due[key] = self._times.pop(key)
            self._armed = None
            if not due:
                self._arm()
            return due
