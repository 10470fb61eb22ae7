"""From a request's rows to the body of its answer: who answers them, counted and logged off the answer's path.

Every protocol brings its rows here, and its form for the answers. The champion answers; where the traffic plan gives a
challenger a share, answering.py divides the rows; a shadow answers after the answer has gone out.

The methods that only choose who answers are no coroutines: each of those costs every request its time. The most
frequent request, plain rows that the champion answers, has no task and no future either: it waits in the batcher as
itself, and the batch calls it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from quarterdeck.core.ids import new_id
from quarterdeck.core.values import Arm
from quarterdeck.scheduler.serving.answering import FEW_ROWS, SplitDesk
from quarterdeck.scheduler.serving.canary import Canary
from quarterdeck.scheduler.serving.counters import Counters, Problems
from quarterdeck.scheduler.serving.entry import Entry
from quarterdeck.scheduler.serving.failures import FailureKind
from quarterdeck.scheduler.serving.forms import PLAIN, Form
from quarterdeck.scheduler.serving.guard import ANYBODY, Asker
from quarterdeck.scheduler.serving.limits import DEFAULT, Limits
from quarterdeck.scheduler.serving.live import LiveModel
from quarterdeck.scheduler.serving.log import PredictionLog, now_us
from quarterdeck.scheduler.serving.protocols import Plain
from quarterdeck.scheduler.serving.reader import ORDINARY, Request
from quarterdeck.scheduler.serving.router import Route, Router
from quarterdeck.scheduler.serving.shadow import Answered, Shadow
from quarterdeck.scheduler.serving.split import Split

Read = Callable[[bytes, Limits], Request]
Done = Callable[[bytes | Exception], None]


class PredictionDesk:
    """One object a process; every call runs in the loop."""

    def __init__(
        self,
        router: Router,
        log: PredictionLog,
        counters: Counters,
        problems: Problems,
        limits: Limits = DEFAULT,
    ) -> None:
        self._router = router
        self.limits = limits
        self._log = log
        self._counters = counters
        self._loop = asyncio.get_running_loop()
        self._side = ThreadPoolExecutor(1, thread_name_prefix="rows")
        self._split = SplitDesk(log, counters, problems, self.aside)

    def answer_body(self, route: Route, body: bytes, started: int, asker: Asker, done: Done) -> Awaitable[bytes] | None:
        """The answer to a body of JSON rows: something to wait for, or None where the batch will give it to `done`.

        Raises QuarterdeckError where the rows are wrong, or nobody can answer.
        """
        live = self._router.champion(route)
        read = live.reader.read if route.wide is None else route.wide.read
        if len(body) > ORDINARY:
            return self._answer_large(route, live, read, body, started, asker)
        request = read(body, self.limits)
        if route.split is not None or len(request.rows) > FEW_ROWS:
            return self.answer(route, live, request, form=PLAIN, started=started, asker=asker)
        asker.take(route.name, len(request.rows))
        ids = [new_id() for _ in request.rows]
        live.batcher.put(request.rows, _Soon(self, live, request, ids, started, route.shadow, done))
        return None

    async def _answer_large(
        self, route: Route, live: LiveModel, read: Read, body: bytes, started: int, asker: Asker
    ) -> bytes:
        request = await self.aside(read, body, self.limits)
        return await self.answer(route, live, request, form=PLAIN, started=started, asker=asker)

    async def answer_directly(self, live: LiveModel, body: bytes, started: int, asker: Asker) -> bytes:
        """One version's answer to a body of JSON rows of its own fields, whoever answers the endpoint's clients.

        Logged and counted under an arm of its own: nothing that is sent is hidden, and nothing of it is compared,
        monitored, split or shown to a shadow.
        """
        read = live.reader.read
        limits = self.limits
        request = await self.aside(read, body, limits) if len(body) > ORDINARY else read(body, limits)
        asker.take(live.planned.model, len(request.rows))
        ids = [new_id() for _ in request.rows]
        return await self.answer_by(live, Arm.DIRECT, request, ids, form=PLAIN, started=started)

    def answer(
        self,
        route: Route,
        champion: LiveModel,
        request: Request,
        *,
        form: Form,
        started: int,
        asker: Asker = ANYBODY,
    ) -> Awaitable[bytes]:
        """The answer to rows that were checked against the champion's signature.

        `started`: time.perf_counter_ns() when the request came. Raises QuarterdeckError where the champion fails, and
        where the one who asks may not, or not so many.
        """
        asker.take(route.name, len(request.rows))
        ids = [new_id() for _ in request.rows]
        if route.split is not None and route.canary is not None:
            return self._divided(route, route.split, route.canary, request, ids, form, started)
        return self.answer_by(champion, Arm.CHAMPION, request, ids, form=form, started=started, shadow=route.shadow)

    async def _divided(
        self,
        route: Route,
        split: Split,
        canary: Canary,
        request: Request,
        ids: Sequence[str],
        form: Form,
        started: int,
    ) -> bytes:
        few = len(ids) <= FEW_ROWS
        entities = request.entities
        theirs = split.places(ids, entities) if few else await self.aside(split.places, ids, entities)
        if theirs:
            return await self._split.answer(route, canary, request, ids, theirs, form=form, started=started)
        champion, shadow = canary.champion, route.shadow
        return await self.answer_by(champion, Arm.CHAMPION, request, ids, form=form, started=started, shadow=shadow)

    async def answer_by(
        self,
        live: LiveModel,
        arm: Arm,
        request: Request,
        ids: Sequence[str],
        *,
        form: Form,
        started: int,
        shadow: Shadow | None = None,
    ) -> bytes:
        """One version's answer to all rows; `shadow` answers them too, after this answer has gone out."""
        rows = len(ids)
        try:
            answers, start = await live.batcher.answer(request.rows)
            if rows <= FEW_ROWS:
                body = form.whole(live, ids, answers, start)
            else:
                body = await self.aside(form.whole, live, ids, answers, start)
        except Exception:
            self.failed(live, arm, rows)
            raise
        self.answered(live, arm, request, ids, answers, start, started, shadow)
        return body

    def failed(self, live: LiveModel, arm: Arm, rows: int) -> None:
        """Count so many rows that a version could not answer."""
        model = live.planned.model
        self._counters.of(model, live.number, arm).failures += 1
        self._log.failures.add(model, live.number, arm, FailureKind.FAILED, rows=rows, at=now_us())

    def answered(
        self,
        live: LiveModel,
        arm: Arm,
        request: Request,
        ids: Sequence[str],
        answers: Plain,
        start: int,
        started: int,
        shadow: Shadow | None,
    ) -> None:
        """Count and log a version's answer to all rows of a request, and offer them to the shadow."""
        model = live.planned.model
        at, latency_us = now_us(), (time.perf_counter_ns() - started) // 1000
        self._counters.of(model, live.number, arm).add(len(ids), latency_us)
        self._log.add(
            Entry(
                model,
                live.number,
                arm,
                live.multiclass,
                ids,
                request.sent,
                request.entities,
                request.times,
                at,
                latency_us,
                answers,
                start,
                request.text,
                request.rows,
                live.counter,
            )
        )
        if shadow is not None:
            self._loop.call_soon(shadow.offer, Answered(ids, request, at))

    def aside(self, function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        """Call it in a thread: many rows must not keep the loop from the others."""
        return self._loop.run_in_executor(self._side, function, *arguments)


class _Soon:
    """A request of few rows that waits for the champion's batch, in the place of a future."""

    __slots__ = ("_desk", "_done", "_ids", "_live", "_request", "_shadow", "_started")

    def __init__(
        self,
        desk: PredictionDesk,
        live: LiveModel,
        request: Request,
        ids: Sequence[str],
        started: int,
        shadow: Shadow | None,
        done: Done,
    ) -> None:
        self._desk = desk
        self._live = live
        self._request = request
        self._ids = ids
        self._started = started
        self._shadow = shadow
        self._done = done

    def done(self) -> bool:
        return False

    def set_result(self, result: tuple[Plain, int]) -> None:
        answers, start = result
        try:
            body = self._live.shape.encode(self._ids, answers, start)
        except Exception as error:  # a user's model gave what is no answer of its task
            self.set_exception(error)
            return
        self._done(body)
        self._desk.answered(
            self._live, Arm.CHAMPION, self._request, self._ids, answers, start, self._started, self._shadow
        )

    def set_exception(self, error: Exception) -> None:
        self._desk.failed(self._live, Arm.CHAMPION, len(self._ids))
        self._done(error)
