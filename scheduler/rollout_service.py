"""Has a version of a rollout checked on the server by a process of its own, one at a time, while the daemon goes on.

The process is nobody's memory: a daemon that is killed leaves it behind, it sees that and ends, and the next daemon
begins the check anew.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO

from quarterdeck.core.manifest import plain_json
from quarterdeck.core.rollout import Rollout, RolloutState, StepKind
from quarterdeck.core.rollout_looks import Look, LookOutcome, LookResult, MeasureResult
from quarterdeck.core.service_spec import ServiceSpec
from quarterdeck.scheduler.processes import ask_aside
from quarterdeck.scheduler.service_child import limit_s
from quarterdeck.scheduler.state import State

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=5)  # the child stops itself; this is for one that cannot

Key = tuple[int, datetime]  # a rollout, and when it came to its step


@dataclass(frozen=True, kw_only=True, slots=True)
class _Running:
    key: Key
    child: subprocess.Popen[bytes]
    answer: IO[bytes]
    since: datetime
    patience: timedelta


class ServiceRuns:
    """At most one check at a time; other rollouts wait for it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._running: _Running | None = None

    def only(self, rollouts: Iterable[Rollout]) -> None:
        """End the check of a rollout that is not at it any more: it has ended, was paused, or went on."""
        if self._running is not None and self._running.key not in {
            _key(rollout) for rollout in rollouts if _is_at_it(rollout)
        }:
            self.close()

    def look(self, rollout: Rollout, now: datetime) -> Look | None:
        """What the check of a rollout found; None while it goes on, or waits for another's to end."""
        if self._running is None:
            self._start(rollout, now)
            return None
        running = self._running
        if running.key != _key(rollout):
            return None
        code = running.child.poll()
        if code is None and now - running.since <= running.patience:
            return None
        if code is None:
            running.child.kill()
            code = running.child.wait()
        with running.answer as answer:
            answer.seek(0)
            result = _read(code, answer.read())
        self._running = None
        log.info("%s: the server's checks: %s: %s", rollout.reference, result.outcome, result.reason)
        return Look(since=running.since, until=max(now, running.since), result=result)

    def close(self) -> None:
        """End what is still running; nobody waits for it any more."""
        if self._running is not None:
            self._running.child.kill()
            self._running.child.wait()
            self._running.answer.close()
            self._running = None

    def _start(self, rollout: Rollout, now: datetime) -> None:
        spec = rollout.spec.service or ServiceSpec()
        order = {
            "workspace": str(self._state.workspace.root),
            "model": rollout.model,
            "version": rollout.version,
            "parent": os.getpid(),
            "spec": plain_json(spec),
        }
        log_file = self._state.workspace.logs / "service.log"
        child, answer = ask_aside("quarterdeck.scheduler.service_child", order, log=log_file)
        patience = timedelta(seconds=limit_s(spec)) + GRACE
        self._running = _Running(key=_key(rollout), child=child, answer=answer, since=now, patience=patience)


def _key(rollout: Rollout) -> Key:
    return rollout.id, rollout.step_since


def _is_at_it(rollout: Rollout) -> bool:
    return rollout.current.kind is StepKind.SERVICE and rollout.state is RolloutState.RUNNING


def _read(code: int, text: bytes) -> LookResult:
    """What the process said; an ERROR with the reason where it said nothing that can be read."""
    try:
        found = json.loads(text) if code == 0 else None
        if found is not None:
            measures = tuple(MeasureResult.from_json(item) for item in found["measures"])
            return LookResult(outcome=LookOutcome(found["outcome"]), reason=found["reason"], measures=measures)
        problem = f"its process was ended by signal {-code}" if code < 0 else f"its process ended with exit {code}"
    except (ValueError, TypeError, KeyError) as error:
        problem = f"its answer cannot be read: {error}"
    reason = f"it could not be measured: {problem}; see service.log"
    return LookResult(outcome=LookOutcome.ERROR, reason=reason, measures=())
