"""The webhook triggers: `POST /trigger/PIPELINE/NAME`, or `/trigger/NAME` where one pipeline alone has a webhook of it.

A call is believed by its signature alone (core/webhook_signature.py), fires once however often it is sent, and is held
back like any other trigger. webhook_listener.py speaks HTTP.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.operations import Trigger
from quarterdeck.core.webhook_signature import SignedCall, refusal
from quarterdeck.scheduler.firing import Due, Fired, fire_all
from quarterdeck.scheduler.state import State
from quarterdeck.scheduler.webhook_listener import Answer, Listener
from quarterdeck.store import trigger_places, triggers
from quarterdeck.store.trigger_secret import webhook_keys

log = logging.getLogger(__name__)

MINUTE = 60.0
RETRY_S = 5.0  # before the listener is tried again, where its port was taken
_LONGEST_REASON = 200


@dataclass(slots=True)
class _Hook:
    trigger: Trigger
    spec: TriggerSpec
    calls: deque[float] = field(default_factory=deque)


class Webhooks:
    """Listens while any trigger is a webhook."""

    def __init__(self, state: State, *, readable: Callable[[str], bool]) -> None:
        self._state = state
        self._readable = readable
        self._hooks: dict[int, _Hook] = {}
        self._listener: Listener | None = None
        self._tried: float | None = None
        self.problems: dict[str, str] = {}

    @property
    def address(self) -> str | None:
        return None if self._listener is None else self._listener.address

    def plan(self, changed: Mapping[int, tuple[Trigger, TriggerSpec] | None]) -> None:
        """Take in triggers that are new or have changed; None: it is none of ours any more."""
        hooks = dict(self._hooks)  # the listener's thread reads the old one meanwhile
        for key, found in changed.items():
            before = hooks.pop(key, None)
            if found is not None:
                calls = deque[float]() if before is None else before.calls
                hooks[key] = _Hook(trigger=found[0], spec=found[1], calls=calls)
        self._hooks = hooks

    def tick(self, now: datetime) -> None:
        """Listen if there is anything to listen for, and say what is in the way."""
        if not self._hooks:
            self.close()
            self.problems = {}
            return
        self._listen()
        for hook in self._hooks.values():
            name = f"{hook.trigger.pipeline}/{hook.trigger.name}"
            try:
                webhook_keys(hook.spec.secret or "", self._state.workspace.root)
                self.problems.pop(name, None)
            except QuarterdeckError as error:
                self.problems[name] = str(error)

    def _listen(self) -> None:
        if self._listener is not None or (self._tried is not None and time.monotonic() - self._tried < RETRY_S):
            return
        self._tried = time.monotonic()
        host, port = self._state.settings.webhook_host, self._state.settings.webhook_port
        try:
            self._listener = Listener(host, port, self.answer)
            self.problems.pop("webhooks", None)
            log.info("webhooks are called at %s", self._listener.address)
        except OSError as error:
            hint = "free it, or set webhook_port under [daemon] in quarterdeck.toml"
            self.problems["webhooks"] = f"cannot listen on {host}:{port}: {error.strerror} ({hint})"

    def answer(self, path: str, call: SignedCall) -> Answer:
        """What a call comes to; called on the listener's thread."""
        hook = self._find(path)
        if isinstance(hook, Answer):
            return hook
        limited = _limited(hook)
        if limited is not None:
            return limited
        try:
            keys = webhook_keys(hook.spec.secret or "", self._state.workspace.root)
        except QuarterdeckError as error:
            log.error("%s", error)
            return Answer(status=503, body={"error": "the trigger's secret cannot be read here"})
        now = utc_now()
        refused = refusal(call, keys, now)
        if refused is not None:
            return Answer(status=401, body={"error": refused})
        if not self._readable(hook.trigger.pipeline):
            return Answer(status=503, body={"error": "the pipeline's manifest is not there, or cannot be read"})
        return self._fire(hook, call, now)

    def _find(self, path: str) -> _Hook | Answer:
        parts = path.removeprefix("/trigger/").split("/") if path.startswith("/trigger/") else []
        found = [
            hook
            for hook in self._hooks.values()
            if parts in ([hook.trigger.name], [hook.trigger.pipeline, hook.trigger.name])
        ]
        if not found:
            return Answer(status=404, body={"error": "there is no webhook trigger of this name"})
        if len(found) > 1:
            names = ", ".join(sorted(f"/trigger/{hook.trigger.pipeline}/{hook.trigger.name}" for hook in found))
            return Answer(status=404, body={"error": f"several pipelines have a webhook of this name: {names}"})
        return found[0]

    def _fire(self, hook: _Hook, call: SignedCall, now: datetime) -> Answer:
        """In one transaction with the call's id: sent again, it gets the same answer and starts nothing."""
        name = f"{hook.trigger.pipeline}/{hook.trigger.name}/{call.id}"
        with self._state.database.write() as tx:
            known = trigger_places.answered(tx, name)
            if known is not None:
                before = triggers.firing(tx, known)
                run = None if before is None else before.run_id
                return Answer(status=202, body={"firing": known, "run": run, "repeated": True})
            current = triggers.by_id(tx, [hook.trigger.id]).get(hook.trigger.id)
            if current is None:
                return Answer(status=404, body={"error": "the trigger is gone"})
            due = Due(trigger=current, spec=hook.spec, evidence=_evidence(call))
            (came,) = fire_all(tx, [due], now=now, environment=self._state.environment)
            if came.run is None or came.firing is None:
                return _held(current, came)
            trigger_places.keep_call(tx, name, trigger_id=current.id, firing_id=came.firing, now=now)
            return Answer(status=202, body={"firing": came.firing, "run": came.run})

    def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None


def _limited(hook: _Hook) -> Answer | None:
    """A call too many in a minute, whoever sends it: a wrong signature costs as much as a right one."""
    now = time.monotonic()
    while hook.calls and now - hook.calls[0] >= MINUTE:
        hook.calls.popleft()
    if len(hook.calls) < hook.spec.per_minute:
        hook.calls.append(now)
        return None
    wait = max(1, round(MINUTE - (now - hook.calls[0])))
    error = f"more than {hook.spec.per_minute} calls in a minute"
    return Answer(status=429, body={"error": error}, retry_after=wait)


def _held(trigger: Trigger, came: Fired) -> Answer:
    """Something stands against it: another run or a pause (409), or a cooldown, a limit, a budget (429)."""
    conflict = trigger.paused or came.decision.waits
    return Answer(status=409 if conflict else 429, body={"error": came.decision.reason, "firing": came.firing})


def _evidence(call: SignedCall) -> dict[str, Any]:
    """What is kept of a call: its id, its size, and the reason that it gives, cut and made printable."""
    evidence: dict[str, Any] = {"call": call.id, "bytes": len(call.body)}
    try:
        data = json.loads(call.body) if call.body else None
    except (ValueError, RecursionError):
        data = None
    reason = data.get("reason") if isinstance(data, dict) else None
    if isinstance(reason, str) and reason.strip():
        evidence["reason"] = "".join(char if char.isprintable() else " " for char in reason[:_LONGEST_REASON])
    return evidence
