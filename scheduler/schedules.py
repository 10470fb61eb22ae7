"""The schedule triggers: what is due fires, what was missed is made good as its trigger says.

The rows are the truth: `next_fire_at` is the due time that was not dealt with yet. One that has passed was missed, the
daemon being down or the machine asleep; firings and next times are one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.clock import utc_now
from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.operations import Trigger
from quarterdeck.core.schedules import LATE, missed, next_due
from quarterdeck.core.values import Misfire
from quarterdeck.scheduler.firing import Due, Fired, fire_all
from quarterdeck.scheduler.timetable import Times, Timetable
from quarterdeck.store import triggers
from quarterdeck.store.engine import Database

AGAIN = timedelta(seconds=1)  # a missed time that waits for the run before it


@dataclass(frozen=True, kw_only=True, slots=True)
class _Came:
    """What a due trigger's times say: `at` is the one to fire for, or None; `lost` that many are not made good."""

    trigger: Trigger
    spec: TriggerSpec
    at: datetime | None
    behind: int  # missed times that `at` stands for, or that wait behind it
    lost: int
    since: datetime


class Schedules:
    """Plans the schedule triggers, and fires those that come due."""

    def __init__(
        self, database: Database, environment: str, *, readable: Callable[[str], bool], clock: Any = utc_now
    ) -> None:
        """`readable` says whether a pipeline has a manifest that can be read."""
        self._database = database
        self._environment = environment
        self._readable = readable
        self._clock = clock
        self._specs: dict[int, TriggerSpec] = {}
        self.timetable = Timetable(self.due)

    def plan(self, changed: Mapping[int, tuple[Trigger, TriggerSpec] | None], now: datetime) -> None:
        """Take in triggers that are new or have changed; None: it is none of ours any more."""
        times: dict[int, datetime | None] = {}
        fresh: dict[int, datetime | None] = {}
        for key, found in changed.items():
            times[key] = None
            self._specs.pop(key, None)
            if found is None or found[0].paused:
                continue
            trigger, self._specs[key] = found
            times[key] = trigger.next_fire_at
            if trigger.next_fire_at is None:
                times[key] = fresh[key] = next_due(found[1], now)
        if fresh:
            with self._database.write() as tx:
                triggers.set_next_fires(tx, fresh)
        self.timetable.plan(times)

    def due(self, times: Mapping[int, datetime]) -> Times:
        """Fire what is due; called by the timetable, on its thread. Gives each one's next time."""
        now = self._clock()
        with self._database.write() as tx:
            rows = triggers.by_id(tx, times.keys())
            came = [self._judge(row, self._specs[key], now) for key, row in rows.items() if self._is_due(key, row, now)]
            self._lose(tx, came, now)
            waiting = self._fire(tx, [item for item in came if item.at is not None], now)
            after = {item.trigger.id: self._after(item, waiting, now) for item in came}
            triggers.set_next_fires(tx, after)
        later = {key: row.next_fire_at for key, row in rows.items() if key not in after and key in self._specs}
        return later | {key: _at(at, now) for key, at in after.items()}

    def _is_due(self, key: int, row: Trigger, now: datetime) -> bool:
        return key in self._specs and not row.paused and row.next_fire_at is not None and row.next_fire_at <= now

    def _judge(self, row: Trigger, spec: TriggerSpec, now: datetime) -> _Came:
        assert row.next_fire_at is not None
        every = spec.misfire is Misfire.ALL
        times, dropped = missed(spec, row.next_fire_at, now, spec.misfire_limit if every else 1)
        late = now - times[-1] > LATE
        if every:
            return _Came(
                trigger=row, spec=spec, at=times[0], behind=len(times) - 1, lost=dropped, since=row.next_fire_at
            )
        skipped = spec.misfire is Misfire.SKIP
        lost = dropped + late if skipped else 0
        at = None if skipped and late else times[-1]
        behind = 0 if skipped else dropped
        return _Came(trigger=row, spec=spec, at=at, behind=behind, lost=lost, since=row.next_fire_at)

    def _lose(self, tx: Connection, came: list[_Came], now: datetime) -> None:
        """Keep that due times were missed and are not made good."""
        drafts = []
        for item in came:
            if item.lost:
                limit = f": misfire_limit is {item.spec.misfire_limit}" if item.spec.misfire is Misfire.ALL else ""
                times = "1 due time" if item.lost == 1 else f"{item.lost} due times"
                reason = f"{times} from {item.since:%Y-%m-%d %H:%M} UTC on missed, and not made good{limit}"
                evidence = {"missed": item.lost, "since": item.since.isoformat()}
                drafts.append(triggers.FiringDraft(trigger=item.trigger, fired=False, reason=reason, evidence=evidence))
        triggers.record_firings(tx, drafts, now=now)

    def _fire(self, tx: Connection, came: list[_Came], now: datetime) -> set[int]:
        """Fire; gives the triggers whose time waits for a run to end."""
        able: list[_Came] = []
        unreadable: list[_Came] = []
        for item in came:
            (able if self._readable(item.trigger.pipeline) else unreadable).append(item)
        dues = [_due(item) for item in able]
        fired: list[Fired] = fire_all(tx, dues, now=now, environment=self._environment)
        self._refuse(tx, unreadable, now)
        return {
            item.trigger.id
            for item, result in zip(able, fired, strict=True)
            if result.decision.waits and item.spec.misfire is Misfire.ALL
        }

    def _refuse(self, tx: Connection, unreadable: list[_Came], now: datetime) -> None:
        reason = "its pipeline.toml is not there, or cannot be read"
        drafts = [
            triggers.FiringDraft(trigger=item.trigger, fired=False, reason=reason, evidence={}) for item in unreadable
        ]
        triggers.record_firings(tx, drafts, now=now)

    def _after(self, item: _Came, waiting: set[int], now: datetime) -> datetime | None:
        if item.spec.misfire is not Misfire.ALL or item.at is None:
            return next_due(item.spec, now)
        return item.at if item.trigger.id in waiting else next_due(item.spec, item.at)


def _due(item: _Came) -> Due:
    assert item.at is not None
    evidence: dict[str, Any] = {"planned": item.at.isoformat()}
    if item.behind and item.spec.misfire is Misfire.ONCE:
        evidence["missed"] = item.behind
    return Due(trigger=item.trigger, spec=item.spec, evidence=evidence, patient=item.spec.misfire is Misfire.ALL)


def _at(at: datetime | None, now: datetime) -> datetime | None:
    """A time that has passed already waits a moment: the run before it goes first."""
    return at if at is None or at > now else now + AGAIN
