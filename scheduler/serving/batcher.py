"""Requests that wait while a batch runs are answered together by the next batch.

There is no timer: a batch is made on the next turn of the loop, with whatever has come by then, so that a
lone request waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple, Protocol

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.models.predictors import OnnxPredictor, Predictor
from quarterdeck.scheduler.serving.protocols import Plain, check_count

MOST_ROWS = 1_024  # in a batch
QUICK_S = 0.002  # a batch expected to take less runs in the loop: a thread costs more than it frees


class Cost(NamedTuple):
    """What a call of a model takes, in seconds, as measured when it was warmed."""

    call: float
    row: float

    def quick(self, rows: int) -> bool:
        return self.call + rows * self.row < QUICK_S


Row = tuple[Any, ...]  # a row's values in the order of the model's fields


class Waiting(Protocol):
    """Who waits for the answers to some rows: a future, or what costs less. It must not raise."""

    def done(self) -> bool:
        """Whether it waits no more: its rows are not asked."""

    def set_result(self, result: tuple[Plain, int], /) -> None:
        """The answers of a batch, and the place in it where these begin."""

    def set_exception(self, error: Exception, /) -> None: ...


class _Waiting(NamedTuple):
    rows: Sequence[Row]
    answer: Waiting


class Asked(Protocol):
    """What a batcher asks: a Model, or something around one."""

    def ask(self, rows: Sequence[Row], /) -> Plain | QuarterdeckError: ...


class Model:
    """A predictor that takes rows, and whose failures are values."""

    def __init__(self, predictor: Predictor, names: Sequence[str]) -> None:
        self._predictor = predictor
        self._names = names
        self._predict_rows = predictor.predict_rows if isinstance(predictor, OnnxPredictor) else None

    def ask(self, rows: Sequence[Row]) -> Plain | QuarterdeckError:
        """The answers, or what went wrong.

        The predictor is a user's: whatever it raises is its failure on these rows, and must not end the
        server.
        """
        try:
            if self._predict_rows is not None:
                answers = self._predict_rows(rows)
            else:
                answers = self._predictor.predict(dict(zip(self._names, zip(*rows, strict=True), strict=True)))
            return Plain.of(check_count(answers, len(rows)))
        except Exception as error:
            words = error.message if isinstance(error, QuarterdeckError) else f"{type(error).__name__}: {error}"
            failure = QuarterdeckError(f"the model failed: {words[:500]}")
            failure.__cause__ = error  # for the server's log; the client gets the words alone
            return failure


class Batcher:
    """Answers of one model. `cost` is None for a model that always runs in the thread."""

    def __init__(
        self,
        model: Asked,
        loop: asyncio.AbstractEventLoop,
        thread: Executor,
        cost: Cost | None,
    ) -> None:
        self._model = model
        self._loop = loop
        self._thread = thread
        self._cost = cost
        self._waiting: deque[_Waiting] = deque()
        self._due = False  # a batch is planned or runs

    def answer(self, rows: Sequence[Row]) -> Awaitable[tuple[Plain, int]]:
        """The answers for these rows: a batch's, and the place in it where these begin.

        Raises QuarterdeckError where the model fails on them.
        """
        return self._submit(rows) if len(rows) <= MOST_ROWS else self._in_parts(rows)

    async def _in_parts(self, rows: Sequence[Row]) -> tuple[Plain, int]:
        parts = []
        for start in range(0, len(rows), MOST_ROWS):  # one after the other: others' requests get in between
            part = rows[start : start + MOST_ROWS]
            answers, first = await self._submit(part)
            parts.append(answers.cut(first, len(part)))
        return Plain.joined(parts), 0

    def _submit(self, rows: Sequence[Row]) -> asyncio.Future[tuple[Plain, int]]:
        future: asyncio.Future[tuple[Plain, int]] = self._loop.create_future()
        self.put(rows, future)
        return future

    def put(self, rows: Sequence[Row], answer: Waiting) -> None:
        """Let these rows, at most MOST_ROWS, be answered by the next batch."""
        self._waiting.append(_Waiting(rows, answer))
        if not self._due:
            self._due = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        batch, rows = self._take()
        if not batch:
            self._due = False
            return
        if self._cost is not None and self._cost.quick(rows):
            self._give(batch, _attempt(self._model, batch))
            return
        running = self._loop.run_in_executor(self._thread, _attempt, self._model, batch)
        running.add_done_callback(lambda done: self._give(batch, done.result()))

    def _take(self) -> tuple[list[_Waiting], int]:
        while self._waiting and self._waiting[0].answer.done():  # given up: a slow model must not answer them as well
            self._waiting.popleft()
        if not self._waiting:
            return [], 0
        batch = [self._waiting.popleft()]
        rows = len(batch[0].rows)
        while self._waiting and rows + len(self._waiting[0].rows) <= MOST_ROWS:
            rows += len(self._waiting[0].rows)
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


def _attempt(model: Asked, batch: Sequence[_Waiting]) -> list[tuple[Plain, int] | QuarterdeckError]:
    """One result a request.

    A batch that fails is asked again request by request: one must not fail the others.
    """
    together = model.ask([row for waiting in batch for row in waiting.rows])
    if isinstance(together, Plain):
        results: list[tuple[Plain, int] | QuarterdeckError] = []
        start = 0
        for waiting in batch:
            results.append((together, start))
            start += len(waiting.rows)
        return results
    if len(batch) == 1:
        return [together]
    alone = [model.ask(waiting.rows) for waiting in batch]
    return [(answer, 0) if isinstance(answer, Plain) else answer for answer in alone]
