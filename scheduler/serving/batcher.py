"""Requests that wait while a batch runs are answered together by the next batch.

There is no timer: a batch is made on the next turn of the loop, with whatever has come by then, so that a lone
request waits for nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import NamedTuple

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.models.columns import Columns
from quarterdeck.core.models.predictors import Predictor
from quarterdeck.scheduler.serving.protocols import Plain

log = logging.getLogger(__name__)

MOST_ROWS = 1_024  # in a batch
QUICK_S = 0.002  # a batch expected to take less runs in the loop: a thread costs more than it frees


class Cost(NamedTuple):
    """What a call of a model takes, in seconds, as measured when it was warmed."""

    call: float
    row: float

    def quick(self, rows: int) -> bool:
        return self.call + rows * self.row < QUICK_S


class _Waiting(NamedTuple):
    columns: Columns
    rows: int
    answer: asyncio.Future[tuple[Plain, int]]


class Batcher:
    """Answers of one model. `cost` is None for a model that always runs in the thread."""

    def __init__(
        self, predictor: Predictor, loop: asyncio.AbstractEventLoop, thread: Executor, cost: Cost | None
    ) -> None:
        self._predictor = predictor
        self._loop = loop
        self._thread = thread
        self._cost = cost
        self._waiting: deque[_Waiting] = deque()
        self._due = False  # a batch is planned or runs

    async def answer(self, columns: Columns, rows: int) -> tuple[Plain, int]:
        """The answers for these rows: a batch's, and the place in it where these begin.

        Raises QuarterdeckError where the model fails on them.
        """
        if rows <= MOST_ROWS:
            return await self._submit(columns, rows)
        parts = []
        for start in range(0, rows, MOST_ROWS):  # one after the other: others' requests get in between
            stop = min(start + MOST_ROWS, rows)
            part = {name: values[start:stop] for name, values in columns.items()}
            answers, first = await self._submit(part, stop - start)
            parts.append(answers.cut(first, stop - start))
        return Plain.joined(parts), 0

    def _submit(self, columns: Columns, rows: int) -> asyncio.Future[tuple[Plain, int]]:
        future: asyncio.Future[tuple[Plain, int]] = self._loop.create_future()
        self._waiting.append(_Waiting(columns, rows, future))
        if not self._due:
            self._due = True
            self._loop.call_soon(self._run)
        return future

    def _run(self) -> None:
        batch, rows = self._take()
        if self._cost is not None and self._cost.quick(rows):
            self._give(batch, _attempt(self._predictor, batch))
            return
        running = self._loop.run_in_executor(self._thread, _attempt, self._predictor, batch)
        running.add_done_callback(lambda done: self._give(batch, done.result()))

    def _take(self) -> tuple[list[_Waiting], int]:
        batch, rows = [self._waiting.popleft()], 0
        rows = batch[0].rows
        while self._waiting and rows + self._waiting[0].rows <= MOST_ROWS:
            rows += self._waiting[0].rows
            batch.append(self._waiting.popleft())
        return batch, rows

    def _give(self, batch: list[_Waiting], results: list[tuple[Plain, int] | QuarterdeckError]) -> None:
        for waiting, result in zip(batch, results, strict=True):
            if waiting.answer.done():  # cancelled: the server stops, or the client was too slow
                continue
            if isinstance(result, QuarterdeckError):
                waiting.answer.set_exception(result)
            else:
                waiting.answer.set_result(result)
        self._due = bool(self._waiting)
        if self._due:
            self._loop.call_soon(self._run)


def _attempt(predictor: Predictor, batch: Sequence[_Waiting]) -> list[tuple[Plain, int] | QuarterdeckError]:
    """One result a request. A batch that fails is asked again request by request: one must not fail the others."""
    together = ask(predictor, merge([waiting.columns for waiting in batch]))
    if isinstance(together, Plain):
        results: list[tuple[Plain, int] | QuarterdeckError] = []
        start = 0
        for waiting in batch:
            results.append((together, start))
            start += waiting.rows
        return results
    if len(batch) == 1:
        return [together]
    alone = [ask(predictor, waiting.columns) for waiting in batch]
    return [(answer, 0) if isinstance(answer, Plain) else answer for answer in alone]


def ask(predictor: Predictor, columns: Columns) -> Plain | QuarterdeckError:
    """The model's answers, or what went wrong in it.

    The model is a user's: whatever it raises is its failure on these rows and must not end the server. The traceback
    is logged; the error says the last line.
    """
    try:
        return Plain.of(predictor.predict(columns))
    except Exception as error:
        log.debug("a model failed", exc_info=True)
        words = error.message if isinstance(error, QuarterdeckError) else f"{type(error).__name__}: {error}"
        return QuarterdeckError(f"the model failed: {words[:500]}")


def merge(parts: Sequence[Columns]) -> Columns:
    """The rows of several requests as one table."""
    if len(parts) == 1:
        return parts[0]
    if all(len(next(iter(part.values()))) == 1 for part in parts):  # the usual requests, in half the time
        return {name: [part[name][0] for part in parts] for name in parts[0]}
    return {name: [value for part in parts for value in part[name]] for name in parts[0]}
