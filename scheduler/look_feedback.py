"""A trigger on feedback: how many labels came since the last training."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.operations import Trigger
from quarterdeck.scheduler.look_values import Finding, Settled
from quarterdeck.store import runs, traffic_labels
from quarterdeck.store.engine import Database


class FeedbackLook:
    """Counts only what came since its last look; a training that began since starts the count anew."""

    def __init__(self, trigger: Trigger, spec: TriggerSpec, traffic: Database) -> None:
        self._trigger = trigger
        self._spec = spec
        self._traffic = traffic

    def see(self, place: dict[str, Any] | None) -> tuple[int, int]:
        """(labels behind the place, the newest label)."""
        with self._traffic.read() as tx:
            return traffic_labels.labels_behind(tx, self._trigger.pipeline, 0 if place is None else int(place["seq"]))

    def settle(self, tx: Connection, seen: tuple[int, int], place: dict[str, Any] | None, now: datetime) -> Settled:
        more, newest = seen
        last = runs.last_started(tx, self._trigger.pipeline)
        run = None if last is None else last.id
        count = more + (0 if place is None else int(place["count"]))
        if last is not None and last.started_at is not None and (place is None or place["run"] != run):
            with self._traffic.read() as traffic:
                count, newest = traffic_labels.labels_since(traffic, self._trigger.pipeline, last.started_at)
        after = {"run": run, "seq": newest, "count": count}
        wanted = self._spec.labels or 1
        if count < wanted:
            return Settled(place=after)
        message = f"{count:,} labels since the last training"
        evidence = {"labels": count, "wanted": wanted, "since_run": run}
        return Settled(place=after, finding=Finding(message=message, evidence=evidence, place=after | {"count": 0}))
