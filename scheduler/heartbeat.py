"""The daemon's heartbeat in the store: that it lives, what it does, how long it takes, and what goes wrong.

A problem that lasts is an alert too, and resolved by itself when it has gone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.values import ServiceKind
from quarterdeck.scheduler.state import State
from quarterdeck.store import alerts, services

MODEL = "quarterdeck"  # in the place of a model's name: such an alert is about no model
KIND = "daemon"
LASTS_S = 10.0


class Heartbeat:
    """Beats in every round, and writes as often as the settings say."""

    def __init__(
        self, state: State, detail: Callable[[], dict[str, Any]], lasting: Callable[[float], dict[str, str]]
    ) -> None:
        self._state, self._detail, self._lasting = state, detail, lasting
        self._announced = False
        self._written: float | None = None
        self._alerted: dict[str, str] | None = None  # None: what an earlier daemon left open is not known yet

    def use(self, state: State) -> None:
        """Go on with other settings."""
        self._state = state

    def announce(self, now: datetime) -> None:
        """Say once that this process is the daemon now."""
        if not self._announced:
            with self._state.database.write() as tx:
                services.announce(tx, ServiceKind.DAEMON, "main", pid=os.getpid(), now=now, detail=self._detail())
            self._announced = True

    def tick(self, now: datetime) -> None:
        if self._written is not None and time.monotonic() - self._written < self._state.settings.heartbeat_seconds:
            return
        problems = self._lasting(LASTS_S)
        with self._state.database.write() as tx:
            services.beat(tx, ServiceKind.DAEMON, "main", now=now, detail=self._detail())
            if problems != self._alerted:
                self._alert(tx, problems, now)
        self._alerted = problems
        self._written = time.monotonic()

    def _alert(self, tx: Connection, problems: dict[str, str], now: datetime) -> None:
        """Open an alert for what is new, and resolve what has gone."""
        for name, said in problems.items():
            if (self._alerted or {}).get(name) != said:
                alerts.raise_alert(tx, model=MODEL, kind=KIND, subject=name, message=said, evidence={}, now=now)
        known = self._alerted
        if known is None:
            opened = alerts.page(tx, model=MODEL, unresolved=True, limit=1_000)
            known = {alert.subject: alert.message for alert in opened if alert.kind == KIND}
        for name in known.keys() - problems.keys():
            alerts.resolve(tx, model=MODEL, kind=KIND, subject=name, now=now)


class Lasting:
    """Since when each problem has been there, on the monotonic clock; how it is worded may change meanwhile."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}

    def of(self, problems: dict[str, str], seconds: float) -> dict[str, str]:
        """Those of these problems that were there in every look for so long."""
        now = self._clock()
        self._since = {name: self._since.get(name, now) for name in problems}
        return {name: said for name, said in problems.items() if now - self._since[name] >= seconds}
