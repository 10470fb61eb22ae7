"""Keeps traffic.db within the age and the size that the settings allow, in steps of a fraction of a second.

A round goes through the log from its oldest row on: by age up to the first row that is young enough; by size until
little enough is left. Each step is a few transactions of some milliseconds, so that the server's writer, who waits for
the same lock, does not notice. What is still needed stays (store/traffic_removal.py says what), and is looked at again
in the next round. Free pages go back to the disk as the round goes on.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from quarterdeck.core.errors import UnavailableError
from quarterdeck.scheduler.state import State
from quarterdeck.store import traffic_removal, traffic_windows
from quarterdeck.store.traffic import micros
from quarterdeck.store.traffic_holds import holds
from quarterdeck.store.traffic_queries import SEEN, cursor
from quarterdeck.store.traffic_removal import Hold
from quarterdeck.store.traffic_space import give_back, gives_back, make_over, space_of

log = logging.getLogger(__name__)

ROUND_EVERY = timedelta(minutes=1)
STEP_S = 0.05  # of a tick: another writer waits so long at most, and a little more
SLICE = 500  # rows in a transaction
PAGES = 256  # handed back in a transaction: 1 MB
ENOUGH = 0.95  # of the greatest size: a round by size removes down to it, so that the next is not due at once
MB = 1 << 20


@dataclass(slots=True)
class _Round:
    """One way through the log; `place` is the last row looked at."""

    place: int
    before: int | None  # microseconds: older rows go; None where the age does not matter
    by_size: bool
    predictions: int = 0
    labels: int = 0
    given_back: int = 0  # bytes


class Retention:
    """One object a daemon. Nothing of it need outlive the process."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._round: _Round | None = None
        self._due: datetime | None = None
        self._made_over = False
        self._kept: tuple[Hold, ...] = ()
        self._said = ""  # why it is too large, when that was last logged
        self.detail: dict[str, Any] = {}  # of the last round, for whoever looks at the daemon
        self.problem: str | None = None

    def tick(self, now: datetime) -> bool:
        """Do a step, where there is something to do; False where there is not."""
        if not self._made_over:
            self._make_over()
        if self._round is None and self._due is not None and now < self._due:
            return False
        current = self._round or self._begin(now)
        stop = time.monotonic() + STEP_S
        going = True
        while going and time.monotonic() < stop:
            going = self._slice(current, now)
            current.given_back += give_back(self._state.traffic, pages=PAGES)
        self._round = current if going else None
        if not going:
            self._end(current, now)
        return True

    def _make_over(self) -> None:
        """Once a process: bring over a file that was made before space could be given back."""
        self._made_over = True
        if gives_back(self._state.traffic):
            return
        path, started = self._state.workspace.traffic_database, time.monotonic()
        log.info("traffic.db is written anew once, so that it can give space back: %s MB", path.stat().st_size // MB)
        try:
            make_over(self._state.traffic, path)
            log.info("traffic.db was written anew in %.1f s", time.monotonic() - started)
        except UnavailableError as error:
            self.problem = str(error)
            log.warning("traffic.db: %s", error)

    def _begin(self, now: datetime) -> _Round:
        settings = self._state.settings
        with self._state.database.read() as database, self._state.traffic.read() as traffic:
            self._kept = tuple(holds(database, traffic, self._state.environment))
            found = traffic_removal.ends(traffic)
        before = micros(now - timedelta(days=settings.keep_days)) if settings.keep_days else None
        if before is not None:
            with self._state.traffic.write() as tx:
                traffic_removal.remove_failures(tx, before=before, holds=self._kept)
        self._remove_windows(now)
        by_size = self._over(settings.max_mb * MB)
        return _Round(place=(found[0] if found else 0) - 1, before=before, by_size=by_size)

    def _remove_windows(self, now: datetime) -> None:
        days = self._state.settings.keep_windows_days
        if not days:
            return
        with self._state.traffic.write() as tx:
            seen = cursor(tx, SEEN)
            gone = traffic_windows.remove_windows(tx, before=micros(now - timedelta(days=days)), seen=seen)
        if gone:
            log.info("retention removed the counts of %s windows", gone)

    def _slice(self, current: _Round, now: datetime) -> bool:
        """Look at the next rows; False where the round is over."""
        if current.by_size and not self._over(ENOUGH * self._state.settings.max_mb * MB):
            current.by_size = False
        before = None if current.by_size else current.before
        if not current.by_size and before is None:
            return False
        with self._state.traffic.read() as tx:
            first = traffic_removal.first_of_slice(tx, current.place)
            if first is None or (before is not None and first[1] >= before):
                return False
            low, high = first[0], first[0] + SLICE - 1
            any_goes = traffic_removal.removable(tx, low, high, before=before, holds=self._kept)
        if any_goes:
            self._remove(current, low, high, before, now)
        current.place = high
        return True

    def _remove(self, current: _Round, low: int, high: int, before: int | None, now: datetime) -> None:
        with self._state.traffic.write() as tx:
            done = traffic_removal.remove(tx, low, high, before=before, holds=self._kept, now=micros(now))
        current.predictions += done[0]
        current.labels += done[1]

    def _over(self, size: float) -> bool:
        return bool(self._state.settings.max_mb) and space_of(self._state.traffic).used > size

    def _end(self, done: _Round, now: datetime) -> None:
        self._due = now + ROUND_EVERY
        over = done.by_size  # it came to the log's end, and the size is still above what is allowed
        self.detail = {
            "at": now.isoformat(),
            "predictions": done.predictions,
            "labels": done.labels,
            "given_back_bytes": done.given_back,
            "over_size": over,
            "kept_for": [asdict(hold) for hold in self._kept],
        }
        if done.predictions:
            log.info("retention removed %s predictions and %s labels", done.predictions, done.labels)
        needs = "; ".join(f"{hold.endpoint}: {hold.why}" for hold in self._kept) or "the monitor has not read it"
        if over and needs != self._said:
            log.warning("traffic.db is larger than [traffic] max_mb, and what is left is needed: %s", needs)
        self._said = needs if over else ""
