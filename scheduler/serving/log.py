"""The prediction log: what was answered, written to traffic.db in batches off the answer's path, and counted there.

The queue is bounded. While the database cannot be written it fills and keeps trying; what finds no room is
counted. Answers are at most about a tenth of a second ahead of the log, which is what a killed server
loses.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from quarterdeck.core.errors import QuarterdeckError, UnavailableError
from quarterdeck.scheduler.serving.counters import Counters, Problems
from quarterdeck.scheduler.serving.entry import Entry
from quarterdeck.scheduler.serving.failures import Failures
from quarterdeck.scheduler.serving.logbook import NoLogbook, Rows
from quarterdeck.scheduler.serving.protocols import encode
from quarterdeck.scheduler.serving.tally import Tally
from quarterdeck.store.engine import Database
from quarterdeck.store.traffic import FailureRecord, append_failures, append_prediction_rows
from quarterdeck.store.traffic_windows import settle

log = logging.getLogger(__name__)

MOST_WAITING = 50_000  # rows
MOST_WRITTEN = 2_048  # rows in a transaction
EVERY_S = 0.05
RETRY_S = 0.25
SUBJECT = "prediction log"
COUNTING = "counting"


class Outcome(NamedTuple):
    """Of a batch that was written."""

    lost: int = 0  # rows that the database refused
    uncounted: str | None = None  # why rows were left to the daemon


class PredictionLog:
    """The loop adds; one writer thread, shared with the feedback, writes."""

    def __init__(
        self,
        database: Database,
        writer: Executor,
        counters: Counters,
        problems: Problems,
        tally: Tally | None = None,
        logbook: Rows | None = None,
    ) -> None:
        """`tally` counts the rows into windows; `logbook` keeps how many there were for whoever comes after a kill."""
        self._database = database
        self._tally = tally or Tally()
        self._logbook = logbook or NoLogbook()
        self._writer = writer
        self._counters = counters
        self._problems = problems
        self._queue: deque[Entry] = deque()
        self._writing = asyncio.Lock()
        self._stopped = False
        self.pending = 0  # rows
        self.failures = Failures()  # what versions could not answer; written along

    def add(self, entry: Entry) -> None:
        """Never waits and never fails."""
        rows = len(entry.ids)
        self._logbook.answered(rows)
        if self.pending + rows > MOST_WAITING:
            self._drop(rows)
            self._problems.set(SUBJECT, "it is full: predictions are answered and not logged")
            return
        self.pending += rows
        self._queue.append(entry)

    async def run(self) -> None:
        """Write what waits, again and again, until stop()."""
        while not self._stopped:
            await asyncio.sleep(EVERY_S)
            if (self._queue or self.failures) and not await self.flush():
                await asyncio.sleep(RETRY_S)

    def stop(self) -> None:
        """Let run() end after what it does now; what waits is for flush() or abandon()."""
        self._stopped = True

    async def flush(self) -> bool:
        """Write all that waits now; False where the database cannot be written: it stays in the queue."""
        async with self._writing:
            target = len(self._queue)
            while target > 0 and self._queue:
                batch = self._take()
                target -= len(batch)
                if not await self._write(batch):
                    self._queue.extendleft(reversed(batch))
                    return False
                self.pending -= sum(len(entry.ids) for entry in batch)
            if self.failures and not await self._write_failures():
                return False
        self._problems.clear(SUBJECT)
        return True

    def abandon(self) -> int:
        """Count what is still here as dropped: the process ends and cannot write it."""
        lost, self.pending = self.pending, 0
        self._queue.clear()
        self._drop(lost)
        return lost

    def _drop(self, rows: int) -> None:
        self._counters.dropped += rows
        self._logbook.dropped(rows)

    def _take(self) -> list[Entry]:
        batch: list[Entry] = []
        rows = 0
        while self._queue and (not batch or rows + len(self._queue[0].ids) <= MOST_WRITTEN):
            batch.append(self._queue.popleft())
            rows += len(batch[-1].ids)
        return batch

    async def _write_failures(self) -> bool:
        records = self.failures.take()
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._writer, _append_failures, self._database, records)
        except UnavailableError as error:
            self.failures.put_back(records)
            self._problems.set(SUBJECT, str(error))
            return False
        except SQLAlchemyError:
            log.exception("%s failures could not be logged", len(records))
        return True

    async def _write(self, batch: list[Entry]) -> bool:
        loop = asyncio.get_running_loop()
        try:
            done = await loop.run_in_executor(self._writer, self._keep, batch)
        except UnavailableError as error:
            self._problems.set(SUBJECT, str(error))
            return False
        if done.lost:
            self._drop(done.lost)
            self._problems.set(SUBJECT, f"{done.lost} predictions could not be written; see the server's log")
        if done.uncounted is not None:
            self._problems.set(COUNTING, f"{done.uncounted}; the daemon counts them")
        else:
            self._problems.clear(COUNTING)
        return True

    def _keep(self, batch: Sequence[Entry]) -> Outcome:
        """Write a batch in one transaction; if the database refuses a row, entry by entry."""
        try:
            return self._append(batch)
        except UnavailableError:
            raise
        except (SQLAlchemyError, QuarterdeckError, ValueError):
            if len(batch) == 1:
                log.exception("a prediction of %s could not be logged", batch[0].endpoint)
                return Outcome(lost=len(batch[0].ids))
        done = [self._keep([entry]) for entry in batch]
        said = [item.uncounted for item in done if item.uncounted is not None]
        return Outcome(sum(item.lost for item in done), said[0] if said else None)

    def _append(self, batch: Sequence[Entry]) -> Outcome:
        """Rows, counts and the number of rows written are there together, or not at all."""
        counted = self._tally.count(batch)
        with self._database.write() as tx:
            counted = self._tally.add(tx, batch, counted, now_us())
            marked = zip(batch, counted.events, counted.marks, strict=True)
            rows = [row for entry, events, mark in marked for row in _rows(entry, events, mark)]
            append_prediction_rows(tx, rows)
            settle(tx, len(rows))
            self._logbook.logged(tx, len(rows))
        return Outcome(uncounted=counted.problem)


def _append_failures(database: Database, records: Sequence[FailureRecord]) -> None:
    with database.write() as tx:
        append_failures(tx, records)


def _rows(entry: Entry, events: Sequence[int], mark: int) -> list[tuple[Any, ...]]:
    """A request's rows in the order of PREDICTION. Written for each prediction: plain code, and nothing twice."""
    answers, start = entry.answers, entry.start
    outcomes = answers.labels if answers.values is None else answers.values
    if outcomes is None:
        raise QuarterdeckError("an answer without a value and a label")
    arm, at = entry.arm.value, entry.at
    rows = []
    for place, identifier in enumerate(entry.ids):
        row, entity = start + place, entry.entities[place]
        rows.append(
            (
                identifier,
                entry.endpoint,
                entry.version,
                arm,
                None if entity is None else str(entity),
                events[place],
                at,
                entry.latency_us,
                _inputs(entry, place),
                encode(outcomes[row]).decode(),
                answers.scores[row],
                _probabilities(entry, row),
                mark,
            )
        )
    return rows


def _inputs(entry: Entry, place: int) -> str:
    if entry.text is not None:
        return entry.text.decode()
    return "" if entry.rows is None else encode(entry.rows[place]).decode()


def _probabilities(entry: Entry, row: int) -> str | None:
    if not entry.multiclass or entry.answers.probabilities is None:
        return None
    return encode(entry.answers.probabilities[row]).decode()


def now_us() -> int:
    """Microseconds since 1970, as traffic.db keeps times; read for every answer."""
    return time.time_ns() // 1000
