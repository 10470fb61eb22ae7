"""The daemon's heartbeat in the store: that it lives, what it does, how long it takes, and what goes wrong.

A problem that lasts is an alert too: alerting.py raises it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from quarterdeck.core.values import ServiceKind
from quarterdeck.scheduler.state import State
from quarterdeck.store import services


class Heartbeat:
    """Beats in every round, and writes as often as the settings say."""

    def __init__(self, state: State, detail: Callable[[], dict[str, Any]]) -> None:
        self._state, self._detail = state, detail
        self._announced = False
        self._written: float | None = None

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
        with self._state.database.write() as tx:
            services.beat(tx, ServiceKind.DAEMON, "main", now=now, detail=self._detail())
        self._written = time.monotonic()
