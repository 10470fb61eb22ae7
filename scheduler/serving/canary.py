"""A challenger that answers clients, so that it can do them no harm.

It runs in a thread of its own, also where it is quick: what it does to the loop, it does to the champion. What it
raises, what is no answer to the rows, and what takes too long becomes a value, and the champion steps in. Too long is
a multiple of what the champion usually takes. Where a client was let down, the challenger is not asked again until it
has come back from the call it was in: one that hangs costs those who wait the limit once, and nobody after them.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.serving.batcher import Batcher, Model, Row
from quarterdeck.scheduler.serving.counters import VersionCount
from quarterdeck.scheduler.serving.failures import FailureKind
from quarterdeck.scheduler.serving.live import LiveModel
from quarterdeck.scheduler.serving.protocols import Plain
from quarterdeck.scheduler.serving.reader import OwnRows, Request
from quarterdeck.store.plans import PlannedVersion

LEAST_LIMIT_S = 0.05
TIMES_CHAMPION = 3.0  # of what the champion usually takes
FIRST_LIMIT_S = 0.25  # until the champion has answered KNOWN requests
KNOWN = 20


class Miss(NamedTuple):
    """No answer, and why."""

    kind: FailureKind
    text: str


class Canary:
    """One challenger beside one champion, in the loop. `challenger` is None for one that cannot be loaded."""

    def __init__(
        self,
        champion: LiveModel,
        planned: PlannedVersion,
        challenger: LiveModel | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.champion = champion
        self.planned = planned
        self.challenger = challenger
        self.subject = f"canary {planned.reference}"
        self.told = False  # that it failed
        # it has the champion's fields, and is asked the very rows
        self.asked_the_same = champion.planned.signature.fields == planned.signature.fields
        self._runner = None if challenger is None else _Runner(champion, challenger, loop)

    async def ask(self, request: Request, limit: float) -> tuple[Plain, int] | Miss:
        """The challenger's answers as the batcher gives them, within `limit` seconds, or why there are none."""
        if self._runner is None:
            return Miss(FailureKind.NOT_LOADED, "it is not loaded")
        return await self._runner.ask(request, limit)


def limit_s(champion: VersionCount, rows: int) -> float:
    """How long a challenger may take for so many rows, in seconds, after what the champion has taken so far."""
    if champion.requests < KNOWN:
        return FIRST_LIMIT_S
    usual = (champion.latency_us - champion.waited_us) / champion.requests / 1e6
    larger = rows * champion.requests / champion.rows
    return max(LEAST_LIMIT_S, TIMES_CHAMPION * usual * max(1.0, larger))


class _Runner:
    def __init__(self, champion: LiveModel, challenger: LiveModel, loop: asyncio.AbstractEventLoop) -> None:
        self._rows = OwnRows(champion.planned.signature, challenger.planned.signature, challenger.reader)
        self._model = _Clocked(challenger.model)
        # starts with the first batch, and ends with this object
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"canary {challenger.planned.reference}")
        self._batcher = Batcher(self._model, loop, thread, None)
        self._gave_up = -math.inf  # when last a client was let down

    async def ask(self, request: Request, limit: float) -> tuple[Plain, int] | Miss:
        if self._model.in_call_of(self._gave_up):
            return Miss(FailureKind.SLOW, "it is still busy with a call that took too long")
        rows = self._rows.of(request)
        if isinstance(rows, QuarterdeckError):
            return Miss(FailureKind.FIELDS, str(rows))
        try:
            async with asyncio.timeout(limit):
                return await self._batcher.answer(rows)
        except TimeoutError:
            self._gave_up = time.monotonic()
            return Miss(FailureKind.SLOW, f"it took longer than {limit * 1000:.0f} ms")
        except QuarterdeckError as error:
            return Miss(FailureKind.FAILED, str(error))


class _Clocked:
    """A model of which the loop can see since when it is in a call."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._began: float | None = None

    def ask(self, rows: Sequence[Row]) -> Plain | QuarterdeckError:
        self._began = time.monotonic()
        try:
            return self._model.ask(rows)
        finally:
            self._began = None

    def in_call_of(self, moment: float) -> bool:
        """Whether it is still in the call that it was in at this reading of the clock."""
        began = self._began  # the thread may end its call between two readings
        return began is not None and began <= moment
