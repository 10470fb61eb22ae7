"""A challenger answers the champion's requests after the champion has: logged, never shown.

It has a thread and a bounded queue of its own. When it is too slow the queue is full, and what does not fit
is dropped and counted; when it fails, that is counted and said; the champion's answers notice neither.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.values import Arm
from quarterdeck.scheduler.serving.batcher import Row
from quarterdeck.scheduler.serving.counters import Counters, Problems
from quarterdeck.scheduler.serving.entry import Entry
from quarterdeck.scheduler.serving.failures import FailureKind, Failures
from quarterdeck.scheduler.serving.live import LiveModel
from quarterdeck.scheduler.serving.protocols import Plain
from quarterdeck.scheduler.serving.reader import OwnRows, Request

MOST_WAITING = 8_192  # rows
MOST_ROWS = 1_024  # in a batch


class Answered(NamedTuple):
    """A request that the champion has answered."""

    ids: Sequence[str]
    request: Request
    at: int


class Shadow:
    """One challenger beside one champion. offer() and close() belong to the loop."""

    def __init__(
        self,
        champion: LiveModel,
        challenger: LiveModel,
        loop: asyncio.AbstractEventLoop,
        add: Callable[[Entry], None],
        failures: Failures,
        counters: Counters,
        problems: Problems,
    ) -> None:
        self.challenger = challenger
        self._rows = OwnRows(champion.planned.signature, challenger.planned.signature, challenger.reader)
        self._loop = loop
        self._add = add
        self._failures = failures
        self._counters = counters
        self._problems = problems
        self.subject = f"challenger {challenger.planned.reference}"
        self._queue: deque[Answered] = deque()
        self._waiting = 0  # rows
        self._ready = threading.Condition()
        self._closed = False
        self._told = False
        # A daemon thread: a challenger that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=self.subject, daemon=True)
        self._thread.start()

    def offer(self, answered: Answered) -> None:
        rows = len(answered.ids)
        with self._ready:
            full = self._waiting + rows > max(MOST_WAITING, rows)
            if not full:
                self._queue.append(answered)
                self._waiting += rows
                self._ready.notify()
        if full:
            self._counters.shadow_dropped += rows

    def close(self) -> None:
        """Take no more; what waits is dropped and counted, a batch that runs is finished."""
        with self._ready:
            self._closed = True
            self._counters.shadow_dropped += sum(len(answered.ids) for answered in self._queue)
            self._queue.clear()
            self._waiting = 0
            self._ready.notify()

    async def drain(self, deadline: float) -> None:
        """Wait until nothing waits, or until this reading of the loop's clock."""
        while self._waiting and self._loop.time() < deadline:
            await asyncio.sleep(0.005)

    def _work(self) -> None:
        while batch := self._take():
            self._answer(batch)
            with self._ready:
                self._waiting -= 0 if self._closed else sum(len(answered.ids) for answered in batch)

    def _take(self) -> list[Answered]:
        with self._ready:
            while not self._queue and not self._closed:
                self._ready.wait()
            batch: list[Answered] = []
            rows = 0
            while self._queue and (not batch or rows + len(self._queue[0].ids) <= MOST_ROWS):
                batch.append(self._queue.popleft())
                rows += len(batch[-1].ids)
            return batch

    def _answer(self, batch: list[Answered]) -> None:
        ready = []
        for answered in batch:
            rows = self._rows.of(answered.request)
            if isinstance(rows, QuarterdeckError):
                self._tell(self._failed, rows, FailureKind.FIELDS, answered)
            else:
                ready.append((answered, rows))
        if ready:
            self._ask(ready)

    def _ask(self, ready: list[tuple[Answered, Sequence[Row]]]) -> None:
        started = time.perf_counter()
        outcome = self.challenger.model.ask([row for _, rows in ready for row in rows])
        if isinstance(outcome, Plain):
            latency_us = round((time.perf_counter() - started) * 1e6)
            self._tell(self._done, [answered for answered, _ in ready], outcome, latency_us)
        elif len(ready) == 1:
            self._tell(self._failed, outcome, FailureKind.FAILED, ready[0][0])
        else:
            for one in ready:
                self._ask([one])

    def _tell(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:  # the loop has ended: the server stopped while this thread was in the model
            self._closed = True

    def _failed(self, error: QuarterdeckError, kind: FailureKind, answered: Answered) -> None:
        planned, rows = self.challenger.planned, len(answered.ids)
        self._counters.of_shadow(planned.model, planned.number).failures += 1
        self._failures.add(planned.model, planned.number, Arm.SHADOW, kind, rows=rows, at=answered.at)
        if not self._told:  # the first is enough: the others are counted
            self._problems.set(self.subject, str(error))
        self._told = True

    def _done(self, batch: list[Answered], outcome: Plain, latency_us: int) -> None:
        count = self._counters.of_shadow(self.challenger.planned.model, self.challenger.number)
        start = 0
        for answered in batch:
            count.requests += 1
            count.rows += len(answered.ids)
            count.latency_us += latency_us
            self._add(self._entry(answered, outcome, start, latency_us))
            start += len(answered.ids)

    def _entry(self, answered: Answered, answers: Plain, start: int, latency_us: int) -> Entry:
        planned = self.challenger.planned
        return Entry(
            planned.model,
            planned.number,
            Arm.SHADOW,
            self.challenger.multiclass,
            answered.ids,
            None,
            answered.request.entities,
            answered.request.times,
            answered.at,
            latency_us,
            answers,
            start,
        )
