"""The triggers that look by themselves: new data, feedback, code. Each looks every so often, and fires in one
transaction with its place, so that nothing fires twice and nothing is passed over, however the daemon ends.

Listing files and asking git happens on a thread beside the daemon's tick: a store that does not answer holds up only
those that look there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.operations import Trigger
from quarterdeck.core.values import TriggerKind
from quarterdeck.scheduler.firing import Due, fire_all
from quarterdeck.scheduler.look_code import CodeLook
from quarterdeck.scheduler.look_data import DataLook
from quarterdeck.scheduler.look_feedback import FeedbackLook
from quarterdeck.scheduler.look_values import Finding, Settled
from quarterdeck.scheduler.state import State
from quarterdeck.store import alerts, trigger_places, triggers

log = logging.getLogger(__name__)

LOOKING = (TriggerKind.NEW_DATA, TriggerKind.FEEDBACK, TriggerKind.CODE)
THREADS = 4


class Look(Protocol):
    """One trigger's eye. It lives as long as the trigger is as it is."""

    def see(self, place: dict[str, Any] | None) -> Any:
        """What is there now; called on a thread. Raises what keeps it from seeing."""

    def settle(self, tx: Connection, seen: Any, place: dict[str, Any] | None, now: datetime) -> Settled:
        """What that means, and where the trigger has come to."""


@dataclass(slots=True)
class _Eye:
    trigger: Trigger
    spec: TriggerSpec
    look: Look
    place: dict[str, Any] | None = None
    known: bool = False  # whether the place was read from the store
    due: datetime | None = None
    under_way: Future[Any] | None = field(default=None, repr=False)


class Looks:
    """Keeps an eye for each such trigger."""

    def __init__(self, state: State, *, readable: Callable[[str], bool]) -> None:
        self._state = state
        self._readable = readable
        self._eyes: dict[int, _Eye] = {}
        self._threads: ThreadPoolExecutor | None = None
        self.problems: dict[str, str] = {}

    def plan(self, changed: Mapping[int, tuple[Trigger, TriggerSpec] | None]) -> None:
        """Take in triggers that are new or have changed; None: it is none of ours any more."""
        for key, found in changed.items():
            eye = self._eyes.pop(key, None)
            if eye is not None:
                self.problems.pop(_name(eye.trigger), None)
            if found is not None and not found[0].paused:
                self._eyes[key] = _Eye(trigger=found[0], spec=found[1], look=self._look(*found))

    def _look(self, trigger: Trigger, spec: TriggerSpec) -> Look:
        workspace = self._state.workspace
        if trigger.kind is TriggerKind.NEW_DATA:
            return DataLook(trigger, spec, workspace.root)
        if trigger.kind is TriggerKind.CODE:
            return CodeLook(trigger, spec, workspace.pipelines_folder / trigger.pipeline)
        return FeedbackLook(trigger, spec, self._state.traffic)

    def tick(self, now: datetime) -> None:
        for eye in self._eyes.values():
            if eye.under_way is not None and eye.under_way.done():
                done, eye.under_way = eye.under_way, None
                self._take(eye, done, now)
            elif eye.under_way is None and (eye.due is None or eye.due <= now) and self._readable(eye.trigger.pipeline):
                eye.due = now + eye.spec.look_every
                self._send(eye)

    def _send(self, eye: _Eye) -> None:
        if not eye.known:
            with self._state.database.read() as tx:
                eye.place = trigger_places.place_of(tx, eye.trigger.id)
            eye.known = True
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="look")
        eye.under_way = self._threads.submit(eye.look.see, eye.place)

    def _take(self, eye: _Eye, done: Future[Any], now: datetime) -> None:
        try:
            seen = done.result()
        except QuarterdeckError as error:
            self._say(eye.trigger, str(error), now)
            return
        except Exception as error:  # the thread's boundary: a store's library raises what it likes
            log.exception("trigger %s", _name(eye.trigger))
            self._say(eye.trigger, f"it cannot look: {type(error).__name__}: {str(error)[:200]}", now)
            return
        with self._state.database.write() as tx:
            settled = eye.look.settle(tx, seen, eye.place, now)
            place = self._settle(tx, eye, settled, now)
        eye.place = place
        self._say(eye.trigger, settled.problem, now)

    def _settle(self, tx: Connection, eye: _Eye, settled: Settled, now: datetime) -> dict[str, Any] | None:
        """Fire where there is something to fire for; gives the place that is kept."""
        place = settled.place
        if settled.finding is not None and self._fire(tx, eye, settled.finding, now):
            place = settled.finding.place
        if place is not None and place != eye.place:
            trigger_places.set_place(tx, eye.trigger.id, place, now)
        return place

    def _fire(self, tx: Connection, eye: _Eye, finding: Finding, now: datetime) -> bool:
        current = triggers.by_id(tx, [eye.trigger.id]).get(eye.trigger.id)
        if current is None:
            return False
        due = Due(trigger=current, spec=eye.spec, evidence=finding.evidence)
        (came,) = fire_all(tx, [due], now=now, environment=self._state.environment)
        if came.run is not None:
            log.info("trigger %s started run %s: %s", _name(current), came.run, finding.message)
        return came.run is not None

    def _say(self, trigger: Trigger, problem: str | None, now: datetime) -> None:
        """An alert while a trigger cannot see; said once, and resolved when it can."""
        name = _name(trigger)
        if self.problems.get(name) == problem:
            return
        cause: dict[str, Any] = {"model": trigger.pipeline, "kind": "trigger", "subject": trigger.name}
        with self._state.database.write() as tx:
            if problem is None:
                alerts.resolve(tx, **cause, now=now)
            else:
                alerts.raise_alert(tx, **cause, message=problem, evidence={}, now=now)
        if problem is None:
            self.problems.pop(name, None)
        else:
            log.warning("trigger %s: %s", name, problem)
            self.problems[name] = problem

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


def _name(trigger: Trigger) -> str:
    return f"{trigger.pipeline}/{trigger.name}"
