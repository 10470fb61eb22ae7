"""From a request's rows to the body of its answer: who answers them, counted and logged off the answer's path.

Every protocol brings its rows here, and its form for the answers. The champion answers; where the traffic plan gives a
challenger a share, answering.py divides the rows; a shadow answers after the answer has gone out.
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
from quarterdeck.scheduler.serving.counters import Counters, Problems
from quarterdeck.scheduler.serving.failures import FailureKind
from quarterdeck.scheduler.serving.forms import PLAIN, Form
from quarterdeck.scheduler.serving.guard import ANYBODY, Asker
from quarterdeck.scheduler.serving.limits import DEFAULT, Limits
from quarterdeck.scheduler.serving.live import LiveModel
from quarterdeck.scheduler.serving.log import Entry, PredictionLog, now_us
from quarterdeck.scheduler.serving.reader import ORDINARY, Request
from quarterdeck.scheduler.serving.router import Route, Router
from quarterdeck.scheduler.serving.shadow import Answered


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

    async def answer_body(self, route: Route, body: bytes, started: int, asker: Asker = ANYBODY) -> bytes:
        """The answer to a body of JSON rows. Raises QuarterdeckError where they are wrong, or the version fails."""
        live = self._router.champion(route)
        read = live.reader.read if route.wide is None else route.wide.read
        limits = self.limits
        request = await self.aside(read, body, limits) if len(body) > ORDINARY else read(body, limits)
        return await self.answer(route, live, request, form=PLAIN, started=started, asker=asker)

    async def answer(
        self,
        route: Route,
        champion: LiveModel,
        request: Request,
        *,
        form: Form,
        started: int,
        asker: Asker = ANYBODY,
    ) -> bytes:
        """The answer to rows that were checked against the champion's signature.

        `started`: time.perf_counter_ns() when the request came. Raises QuarterdeckError where the champion fails, and
        where the one who asks may not, or not so many.
        """
        asker.take(route.name, len(request.rows))
        ids = [new_id() for _ in request.rows]
        if route.split is not None and route.canary is not None:
            find = route.split.places
            few = len(ids) <= FEW_ROWS
            theirs = find(ids, request.entities) if few else await self.aside(find, ids, request.entities)
            if theirs:
                return await self._split.answer(route, route.canary, request, ids, theirs, form=form, started=started)
        body, at = await self.answer_by(champion, Arm.CHAMPION, request, ids, form=form, started=started)
        if route.shadow is not None:  # after the answer has gone out
            self._loop.call_soon(route.shadow.offer, Answered(ids, request, at))
        return body

    async def answer_by(
        self, live: LiveModel, arm: Arm, request: Request, ids: Sequence[str], *, form: Form, started: int
    ) -> tuple[bytes, int]:
        """One version's answer to all rows, and when it was given, in microseconds since 1970."""
        model, rows = live.planned.model, len(ids)
        count = self._counters.of(model, live.number, arm)
        try:
            answers, start = await live.batcher.answer(request.rows)
            write = form.whole
            body = (
                write(live, ids, answers, start)
                if rows <= FEW_ROWS
                else await self.aside(write, live, ids, answers, start)
            )
        except Exception:
            count.failures += 1
            self._log.failures.add(model, live.number, arm, FailureKind.FAILED, rows=rows, at=now_us())
            raise
        at, latency_us = now_us(), (time.perf_counter_ns() - started) // 1000
        count.add(rows, latency_us)
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
            )
        )
        return body, at

    def aside(self, function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        """Call it in a thread: many rows must not keep the loop from the others."""
        return self._loop.run_in_executor(self._side, function, *arguments)
