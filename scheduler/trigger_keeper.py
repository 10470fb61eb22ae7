"""The daemon's triggers, kept as the store has them: those of the clock, those that look, those that are called.

Each tick asks for the rows that changed since the last one: with ten thousand triggers and no change that is one
statement over an index.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.manifest_triggers import trigger_spec
from quarterdeck.core.operations import Trigger
from quarterdeck.core.values import TriggerKind
from quarterdeck.scheduler.looks import LOOKING, Looks
from quarterdeck.scheduler.schedules import Schedules
from quarterdeck.scheduler.state import State
from quarterdeck.scheduler.webhooks import Webhooks
from quarterdeck.store import triggers

Found = tuple[Trigger, TriggerSpec]


class Triggers:
    """All but drift and decay, which watch.py holds against the windows."""

    def __init__(self, state: State, *, readable: Callable[[str], bool]) -> None:
        """`readable` says whether a pipeline has a manifest that can be read."""
        self._state = state
        self._revision = -1
        self._schedules = Schedules(state.database, state.environment, readable=readable)
        self._looks = Looks(state, readable=readable)
        self._webhooks = Webhooks(state, readable=readable)

    def start(self) -> None:
        self._schedules.timetable.start()

    def stop(self) -> None:
        self._schedules.timetable.stop()
        self._looks.close()
        self._webhooks.close()

    @property
    def problems(self) -> dict[str, str]:
        """What keeps triggers from their work, by what it is of."""
        return self._looks.problems | self._webhooks.problems

    @property
    def address(self) -> str | None:
        """Where webhooks are called, while any trigger is one."""
        return self._webhooks.address

    def tick(self, now: datetime) -> None:
        self.refresh(now)
        self._schedules.timetable.look(now)
        self._looks.tick(now)
        self._webhooks.tick(now)

    def refresh(self, now: datetime) -> int:
        """Take in what has changed; gives how many triggers had."""
        with self._state.database.read() as tx:
            newest = triggers.newest_revision(tx)
            if newest == self._revision:
                return 0
            changed = triggers.changed_after(tx, self._revision)
        found = {trigger.id: _found(trigger) if known else None for trigger, known in changed}
        self._schedules.plan(_of(found, TriggerKind.SCHEDULE), now)
        self._looks.plan(_of(found, *LOOKING))
        self._webhooks.plan(_of(found, TriggerKind.WEBHOOK))
        self._revision = newest
        return len(changed)


def _found(trigger: Trigger) -> Found:
    return trigger, trigger_spec(trigger.name, trigger.kind, trigger.spec)


def _of(changed: dict[int, Found | None], *kinds: TriggerKind) -> dict[int, Found | None]:
    """The same for those who plan these kinds: of another kind, or gone, is none of theirs."""
    return {key: found if found is not None and found[0].kind in kinds else None for key, found in changed.items()}
