"""The schedule triggers as APScheduler jobs, made anew from the trigger rows whenever those change.

The memory job store: our rows are the truth, so no job is ever pickled and the console can read every next fire.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from quarterdeck.core.errors import ManifestError
from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.operations import Trigger

log = logging.getLogger(__name__)

MISFIRE_GRACE_S = 3600  # a daemon that was down for less fires late; several missed times are one


class Timetable:
    """Calls `due(trigger)` on a thread of its own when a schedule's time has come."""

    def __init__(self, due: Callable[[Trigger], None]) -> None:
        self._due = due
        self._planned: dict[int, tuple[TriggerSpec, bool]] = {}
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": MISFIRE_GRACE_S}
        self._scheduler = BackgroundScheduler(timezone=ZoneInfo("UTC"), job_defaults=defaults)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def plan(self, wanted: dict[int, tuple[Trigger, TriggerSpec]]) -> None:
        """Make the jobs those of these schedule triggers, by id; a paused one has no job."""
        for key in set(self._planned) - set(wanted):
            self._forget(key)
        for key, (trigger, spec) in wanted.items():
            state = (spec, trigger.paused)
            if self._planned.get(key) == state:
                continue
            self._forget(key)
            self._planned[key] = state
            if not trigger.paused:
                self._scheduler.add_job(self._due, schedule(spec), args=[trigger], id=str(key))

    def next_fires(self) -> dict[int, datetime | None]:
        """The next time of each planned trigger."""
        jobs = {int(job.id): job.next_run_time for job in self._scheduler.get_jobs()}
        return {key: jobs.get(key) for key in self._planned}

    def _forget(self, key: int) -> None:
        self._planned.pop(key, None)
        if self._scheduler.get_job(str(key)) is not None:
            self._scheduler.remove_job(str(key))


def schedule(spec: TriggerSpec) -> BaseTrigger:
    """APScheduler's trigger for a schedule; ManifestError where cron or time zone cannot be read."""
    try:
        zone = ZoneInfo(spec.timezone)
        if spec.cron is not None:
            return _cron(spec.cron, zone)
        assert spec.every is not None
        return IntervalTrigger(seconds=int(spec.every.total_seconds()), timezone=zone)
    except ZoneInfoNotFoundError as error:
        raise ManifestError(f"there is no time zone {spec.timezone!r}", where=spec.where) from error
    except ValueError as error:
        hint = 'five fields: minute hour day month weekday, as in "0 3 * * *"'
        raise ManifestError(f"cron {spec.cron!r}: {error}", where=spec.where, hint=hint) from error


_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _cron(text: str, zone: ZoneInfo) -> CronTrigger:
    """A crontab line with cron's weekdays (0 and 7 are Sunday); APScheduler's own count from Monday."""
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f"{len(fields)} fields")
    minute, hour, day, month, weekday = fields
    named = ",".join(_weekday(part) for part in weekday.split(","))
    return CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=named, timezone=zone)


def _weekday(part: str) -> str:
    """One item of the weekday field by name; a range by number becomes a list, because it may run past Saturday."""
    body, _, step = part.partition("/")
    first, _, last = body.partition("-")
    if not first.isdigit():
        return part
    start, end = int(first), int(last or first)
    if not 0 <= start <= end <= 7:
        raise ValueError(f"weekday {part!r}")
    return ",".join(_WEEKDAYS[day] for day in range(start, end + 1, int(step or 1)))
