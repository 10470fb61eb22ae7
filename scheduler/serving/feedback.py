"""Labels.

What really happened, for a prediction that was given. A label is on the disk before it is acknowledged.

The same label again changes nothing; another one for the same prediction is refused, because the first may
have been counted. Labels that arrive together are kept in one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

from quarterdeck.core.errors import ConflictError, InputError, NotFoundError, QuarterdeckError, UsageError
from quarterdeck.core.ids import time_of
from quarterdeck.core.labels import judged_label
from quarterdeck.core.models.signature import Signature
from quarterdeck.scheduler.serving.counters import Counters
from quarterdeck.scheduler.serving.log import EVERY_S, PredictionLog, now_us
from quarterdeck.scheduler.serving.protocols import encode
from quarterdeck.store.engine import Database
from quarterdeck.store.labels import endpoints_of, labels_of
from quarterdeck.store.traffic import append_labels

FRESH_US = 2_000_000  # a prediction this young may still wait to be logged, in this process or another
OTHERS_S = 0.5  # so long another process has to log it

SignatureOf = Callable[[str], Signature | None]  # an endpoint's


May = Callable[[str], bool]  # whether the one who sends a label may for this endpoint


def _everybody(_: str) -> bool:
    return True


class _Item(NamedTuple):
    sent: Any
    may: May


class _Waiting(NamedTuple):
    items: Sequence[_Item]
    outcomes: asyncio.Future[list[QuarterdeckError | None]]


class FeedbackDesk:
    """Takes labels in the loop; the log's writer thread keeps them."""

    def __init__(
        self,
        database: Database,
        writer: Executor,
        log: PredictionLog,
        signature_of: SignatureOf,
        counters: Counters,
        *,
        alone: bool = True,
    ) -> None:
        """`alone`: no other process answers predictions of this log."""
        self._loop = asyncio.get_running_loop()
        self._alone = alone
        self._database = database
        self._writer = writer
        self._log = log
        self._signature_of = signature_of
        self._counters = counters
        self._waiting: list[_Waiting] = []
        self._work: asyncio.Task[None] | None = None

    async def take(self, items: Sequence[Any], may: May = _everybody) -> list[QuarterdeckError | None]:
        """Judge and keep each {"id", "label"}; None for one that is kept, or was before.

        An id of an endpoint that the sender may not ask is not found: whether it exists is not theirs to know.
        Raises UnavailableError where traffic.db cannot be written: none of these is kept then.
        """
        outcomes = await self._submit(items, may)
        deadline = self._loop.time() + OTHERS_S
        while not self._alone and _fresh(items, outcomes) and self._loop.time() < deadline:
            await asyncio.sleep(EVERY_S)  # it may wait for the log in another process of the server
            unknown = _unknown(outcomes)
            again = await self._submit([items[place] for place in unknown], may)
            for place, outcome in zip(unknown, again, strict=True):
                outcomes[place] = outcome
        self._counters.labels += outcomes.count(None)
        return outcomes

    async def _submit(self, items: Sequence[Any], may: May) -> list[QuarterdeckError | None]:
        waiting = _Waiting([_Item(item, may) for item in items], self._loop.create_future())
        self._waiting.append(waiting)
        if self._work is None or self._work.done():
            self._work = self._loop.create_task(self._keep_all())
        return await waiting.outcomes

    async def _keep_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                outcomes = await self._keep([item for waiting in batch for item in waiting.items])
            except QuarterdeckError as error:
                for waiting in batch:
                    waiting.outcomes.set_exception(error)
                continue
            start = 0
            for waiting in batch:
                waiting.outcomes.set_result(outcomes[start : start + len(waiting.items)])
                start += len(waiting.items)

    async def _keep(self, items: list[_Item]) -> list[QuarterdeckError | None]:
        unlogged = self._log.pending
        outcomes = await self._record(items)
        unknown = _unknown(outcomes)
        if unknown and unlogged and await self._log.flush():  # the answer was given, its log entry still waited
            again = await self._record([items[place] for place in unknown])
            for place, outcome in zip(unknown, again, strict=True):
                outcomes[place] = outcome
        return outcomes

    async def _record(self, items: list[_Item]) -> list[QuarterdeckError | None]:
        loop = asyncio.get_running_loop()
        sent, may = [item.sent for item in items], [item.may for item in items]
        return await loop.run_in_executor(self._writer, record, self._database, sent, self._signature_of, now_us(), may)


def _unknown(outcomes: Sequence[QuarterdeckError | None]) -> list[int]:
    return [place for place, outcome in enumerate(outcomes) if isinstance(outcome, NotFoundError)]


def _fresh(items: Sequence[Any], outcomes: Sequence[QuarterdeckError | None]) -> bool:
    """Whether one that was not found has an id of the last seconds."""
    since = (now_us() - FRESH_US) // 1000
    return any(
        (made := _milliseconds(items[place]["id"])) is not None and made >= since for place in _unknown(outcomes)
    )


def _milliseconds(identifier: str) -> int | None:
    """When an id of ours was made; None for another one."""
    try:
        return int(time_of(identifier).timestamp() * 1000)
    except (UsageError, OverflowError):
        return None


def record(
    database: Database,
    items: Sequence[Any],
    signature_of: SignatureOf,
    at: int,
    may: Sequence[May] | None = None,
) -> list[QuarterdeckError | None]:
    """Keep the labels that are right, in one transaction; the outcome of each, in order.

    `may`: for each, whether its sender may for an endpoint; None lets all of them.
    """
    ids = [item["id"] for item in items if _is_item(item)]
    new: dict[str, dict[str, Any]] = {}
    outcomes: list[QuarterdeckError | None] = []
    with database.write() as tx:
        endpoints, stored = endpoints_of(tx, ids), labels_of(tx, ids)
        kept = dict(stored)
        for item, allowed in zip(items, may or [_everybody] * len(items), strict=True):
            try:
                row = _judge(item, endpoints, signature_of, allowed)
                text = kept.setdefault(row["id"], row["label"])
                if text != row["label"]:
                    raise ConflictError(
                        f"the prediction {row['id']} already has the label {text}",
                        hint="the first label is kept: it may have been counted",
                    )
                new[row["id"]] = row | {"at": at}
                outcomes.append(None)
            except QuarterdeckError as error:
                outcomes.append(error)
        append_labels(tx, [row for name, row in new.items() if name not in stored])
    return outcomes


def _is_item(item: Any) -> bool:
    return item.__class__ is dict and item.keys() == {"id", "label"} and item["id"].__class__ is str


def _judge(item: Any, endpoints: dict[str, str], signature_of: SignatureOf, may: May) -> dict[str, Any]:
    if not _is_item(item):
        raise InputError('expected an object with "id", a prediction\'s id, and "label"')
    endpoint = endpoints.get(item["id"])
    if endpoint is None or not may(endpoint):
        raise NotFoundError(
            f"there is no prediction {item['id'][:60]!r}",
            hint="send the id that the prediction's answer named",
        )
    signature = signature_of(endpoint)
    label = item["label"] if signature is None else judged_label(item["label"], signature)
    return {"id": item["id"], "endpoint": endpoint, "label": encode(label).decode()}
