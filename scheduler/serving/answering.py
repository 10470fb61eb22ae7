"""Requests of which a challenger answers a part, to the client.

Each row goes where its entity belongs (split.py). Where all rows of a request are one version's, the answer is that
version's and looks like any other. Where they are mixed, the answers stand in the order of the rows, and both versions
answer at the same time. Where the challenger gives no answer, the champion answers its rows as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from quarterdeck.core.values import Arm
from quarterdeck.scheduler.serving.canary import Canary, Miss, limit_s
from quarterdeck.scheduler.serving.counters import Counters, Problems
from quarterdeck.scheduler.serving.entry import Entry
from quarterdeck.scheduler.serving.failures import FailureKind
from quarterdeck.scheduler.serving.forms import Form, Written
from quarterdeck.scheduler.serving.live import LiveModel
from quarterdeck.scheduler.serving.log import PredictionLog, now_us
from quarterdeck.scheduler.serving.protocols import Plain
from quarterdeck.scheduler.serving.reader import Request
from quarterdeck.scheduler.serving.router import Route
from quarterdeck.scheduler.serving.shadow import Answered

FEW_ROWS = 128  # that many are checked and written in the loop; more in a thread, so that others get in between

Aside = Callable[..., Awaitable[Any]]  # calls a function in a thread


class _Part(NamedTuple):
    """Some of a request's rows."""

    places: Sequence[int]
    ids: Sequence[str]
    request: Request


class _Done(NamedTuple):
    """A part that one version has answered."""

    part: _Part
    live: LiveModel
    arm: Arm
    answers: Plain
    start: int  # of the part in `answers`
    written: Any  # by the form
    answered_ns: int
    waited_us: int | None  # for a challenger that gave no answer; None where none was asked


class SplitDesk:
    """Answers such requests; one object a process, in the loop."""

    def __init__(self, log: PredictionLog, counters: Counters, problems: Problems, aside: Aside) -> None:
        self._log = log
        self._counters = counters
        self._problems = problems
        self._aside = aside
        self._loop = asyncio.get_running_loop()

    async def answer(
        self,
        route: Route,
        canary: Canary,
        request: Request,
        ids: Sequence[str],
        theirs: Sequence[int],
        *,
        form: Form,
        started: int,
    ) -> bytes:
        """The body of the answer; `theirs` are the places of the challenger's rows, at least one.

        Raises QuarterdeckError where the champion fails on rows that it has to answer.
        """
        chosen = set(theirs)
        ours = [place for place in range(len(ids)) if place not in chosen]
        if ours:
            done = await self._both(canary, _part(request, ids, ours), _part(request, ids, theirs), form)
        else:
            done = [await self._challenger(canary, _Part(theirs, ids, request), form, mixed=False)]
        parts = [Written(item.part.places, item.live, item.written) for item in done]
        body = form.joined(canary.champion, parts, len(ids))
        self._keep(route, canary, done, started)
        return body

    async def _both(self, canary: Canary, ours: _Part, theirs: _Part, form: Form) -> list[_Done]:
        found = await asyncio.gather(
            self._champion(canary, ours, form, mixed=True), self._challenger(canary, theirs, form, mixed=True)
        )
        return list(found)

    async def _challenger(self, canary: Canary, part: _Part, form: Form, *, mixed: bool) -> _Done:
        began = time.perf_counter_ns()
        champion = canary.champion.planned
        limit = limit_s(self._counters.of(champion.model, champion.number), len(part.ids))
        found = await self._attempt(canary, part, limit, form, mixed=mixed)
        if isinstance(found, _Done):
            return found
        self._missed(canary, found, len(part.ids))
        waited_us = (time.perf_counter_ns() - began) // 1000
        return await self._champion(canary, part, form, mixed=mixed, waited_us=waited_us)

    async def _attempt(self, canary: Canary, part: _Part, limit: float, form: Form, *, mixed: bool) -> _Done | Miss:
        outcome = await canary.ask(part.request, limit)
        challenger = canary.challenger
        if isinstance(outcome, Miss) or challenger is None:
            return outcome if isinstance(outcome, Miss) else Miss(FailureKind.NOT_LOADED, "it is not loaded")
        answers, start = outcome
        try:
            written = await self._written(form, challenger, part, answers, start, mixed=mixed)
        except Exception as error:  # a user's model gave what is no answer of its task
            return Miss(FailureKind.FAILED, f"its answer cannot be written: {type(error).__name__}: {error}")
        return _Done(part, challenger, Arm.CHALLENGER, answers, start, written, time.perf_counter_ns(), None)

    async def _champion(
        self, canary: Canary, part: _Part, form: Form, *, mixed: bool, waited_us: int | None = None
    ) -> _Done:
        live = canary.champion
        try:
            answers, start = await live.batcher.answer(part.request.rows)
            written = await self._written(form, live, part, answers, start, mixed=mixed)
        except Exception:
            planned = live.planned
            self._counters.of(planned.model, planned.number).failures += 1
            self._failed(planned.model, planned.number, Arm.CHAMPION, FailureKind.FAILED, len(part.ids))
            raise
        return _Done(part, live, Arm.CHAMPION, answers, start, written, time.perf_counter_ns(), waited_us)

    async def _written(
        self, form: Form, live: LiveModel, part: _Part, answers: Plain, start: int, *, mixed: bool
    ) -> Any:
        write = partial(form.part, live, part.ids, answers, start, mixed=mixed)
        return write() if len(part.ids) <= FEW_ROWS else await self._aside(write)

    def _missed(self, canary: Canary, miss: Miss, rows: int) -> None:
        planned = canary.planned
        self._counters.of(planned.model, planned.number, Arm.CHALLENGER).failures += 1
        self._failed(planned.model, planned.number, Arm.CHALLENGER, miss.kind, rows)
        if not canary.told:  # the first is enough: the others are counted
            self._problems.set(canary.subject, f"the champion steps in: {miss.text}")
        canary.told = True

    def _failed(self, model: str, version: int, arm: Arm, kind: FailureKind, rows: int) -> None:
        self._log.failures.add(model, version, arm, kind, rows=rows, at=now_us())

    def _keep(self, route: Route, canary: Canary, done: Sequence[_Done], started: int) -> None:
        """Count and log what was answered; offer the champion's rows to the shadow, but not those it stepped in for."""
        at, now = now_us(), time.perf_counter_ns()
        for item in done:
            planned, rows = item.live.planned, len(item.part.ids)
            # a part of a mixed answer took as long as its own version did
            latency_us = ((now if len(done) == 1 else item.answered_ns) - started) // 1000
            self._counters.of(planned.model, planned.number, item.arm).add(rows, latency_us, item.waited_us or 0)
            self._log.add(_entry(item, at, latency_us, asked=canary.asked_the_same or item.arm is Arm.CHAMPION))
            if route.shadow is not None and item.arm is Arm.CHAMPION and item.waited_us is None:
                self._loop.call_soon(route.shadow.offer, Answered(item.part.ids, item.part.request, at))


def _part(request: Request, ids: Sequence[str], places: Sequence[int]) -> _Part:
    return _Part(places, [ids[place] for place in places], request.part(places))


def _entry(item: _Done, at: int, latency_us: int, *, asked: bool) -> Entry:
    """`asked`: the request's rows are what this version was asked."""
    request = item.part.request
    return Entry(
        item.live.planned.model,
        item.live.number,
        item.arm,
        item.live.multiclass,
        item.part.ids,
        request.sent,
        request.entities,
        request.times,
        at,
        latency_us,
        item.answers,
        item.start,
        None,
        request.rows if asked else None,
        item.live.counter,
    )
