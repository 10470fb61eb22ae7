"""What the server answers at which address (RSGI).

    POST /predict/{endpoint}   rows in, predictions out; predicting.py; ?version=N asks that version alone
    POST /feedback             what really happened: {"id", "label"}, or a list of them
    GET  /                     the endpoints and their fields
    GET  /healthz              the process answers
    GET  /readyz               the traffic plan is loaded; challengers and their shares; what does not work
    GET  /metrics              Prometheus

A list of labels is judged one by one: 200 when all are kept, otherwise 207 with the problems; the others
are kept.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from granian._granian import RSGIProtocolClosed

from quarterdeck.core.errors import NotFoundError, QuarterdeckError
from quarterdeck.core.ids import new_id
from quarterdeck.scheduler.serving.counters import Counters, Problems, exposition
from quarterdeck.scheduler.serving.feedback import FeedbackDesk
from quarterdeck.scheduler.serving.http import (
    JSON,
    TEXT,
    Bodies,
    Reply,
    Scope,
    Transport,
    error_reply,
    http_error,
)
from quarterdeck.scheduler.serving.log import PredictionLog
from quarterdeck.scheduler.serving.predicting import PredictionDesk
from quarterdeck.scheduler.serving.protocols import decode_labels
from quarterdeck.scheduler.serving.router import Route, Router

log = logging.getLogger(__name__)

_PREDICT = "/predict/"

Handler = Callable[[Scope, Transport], Awaitable[Reply]]


class App:
    """One object a process; every call runs in the loop."""

    def __init__(
        self,
        *,
        router: Router,
        prediction_log: PredictionLog,
        feedback: FeedbackDesk,
        bodies: Bodies,
        counters: Counters,
        problems: Problems,
        ready: Callable[[], bool],
    ) -> None:
        self._router = router
        self._log = prediction_log
        self._feedback = feedback
        self._bodies = bodies
        self._counters = counters
        self._problems = problems
        self._ready = ready
        self._desk = PredictionDesk(router, prediction_log, counters, problems)
        self._handlers: dict[str, tuple[str, Handler]] = {
            "/": ("GET", self._index),
            "/healthz": ("GET", self._healthz),
            "/readyz": ("GET", self._readyz),
            "/metrics": ("GET", self._metrics),
            "/feedback": ("POST", self._take_feedback),
        }

    async def __rsgi__(self, scope: Scope, transport: Transport) -> None:
        started = time.perf_counter_ns()
        self._counters.requests += 1
        try:
            if scope.method == "POST" and scope.path.startswith(_PREDICT):
                transport.response_bytes(200, JSON, await self._predict(scope, transport, started))
                return
            reply = await self._other(scope, transport)
        except QuarterdeckError as error:
            reply = self._told(scope, error)
        except RSGIProtocolClosed:  # the client has gone
            return
        except Exception as error:  # the last line: a mistake of ours fails this request and no other
            reply = self._told(scope, _unexpected(error))
        if reply.status >= 400 and scope.path != "/readyz":  # "not yet" is an answer, not a failure
            self._counters.errors += 1
            self._counters.failed += reply.status >= 500
        transport.response_bytes(reply.status, reply.headers, reply.body)

    async def _predict(self, scope: Scope, transport: Transport, started: int) -> bytes:
        body = await self._bodies.json(scope, transport)
        route = self._router.route(scope.path[len(_PREDICT) :])
        wanted = parse_qs(scope.query_string, keep_blank_values=True).get("version") if scope.query_string else None
        if wanted is not None:
            return await self._desk.answer_directly(self._router.version(route, wanted[-1]), body, started)
        return await self._desk.answer_body(route, body, started)

    async def _other(self, scope: Scope, transport: Transport) -> Reply:
        method, handler = self._handlers.get(scope.path, (None, None))
        if scope.path.startswith(_PREDICT):
            method = "POST"
        elif handler is None:
            known = ", ".join(("/predict/{endpoint}", *self._handlers))
            raise NotFoundError(f"there is nothing at {scope.path[:100]!r}", hint=f"there is {known}")
        if handler is None or scope.method not in (method, "HEAD" if method == "GET" else method):
            reply = error_reply(http_error(405, f"{scope.method} is not answered here", f"use {method}"))
            return reply._replace(headers=[*JSON, ("allow", method or "")])
        return await handler(scope, transport)

    async def _take_feedback(self, scope: Scope, transport: Transport) -> Reply:
        items, is_list = decode_labels(await self._bodies.json(scope, transport))
        outcomes = await self._feedback.take(items)
        accepted = outcomes.count(None)
        if not is_list:
            if outcomes[0] is not None:
                raise outcomes[0]
            return Reply.of({"accepted": accepted})
        problems = [
            {
                "index": place,
                "id": item.get("id") if isinstance(item, dict) else None,
                "status": error.http_status,
                "error": error.message,
                "hint": error.hint,
            }
            for place, (item, error) in enumerate(zip(items, outcomes, strict=True))
            if error is not None
        ]
        return Reply.of({"accepted": accepted, "problems": problems}, 207 if problems else 200)

    async def _index(self, _: Scope, __: Transport) -> Reply:
        endpoints = {name: _described(route) for name, route in sorted(self._router.routes.items())}
        return Reply.of({"server": "quarterdeck", "endpoints": endpoints})

    async def _healthz(self, _: Scope, __: Transport) -> Reply:
        return Reply.of({"status": "alive"})

    async def _readyz(self, _: Scope, __: Transport) -> Reply:
        ready = self._ready()
        challengers = {name: _trial(route) for name, route in self._challenged()}
        data = {
            "ready": ready,
            "endpoints": self.versions(),
            "loaded": self.loaded(),
            "problems": self._problems.texts(),
        }
        if challengers:
            data["challengers"] = challengers
        return Reply.of(data, 200 if ready else 503)

    async def _metrics(self, _: Scope, __: Transport) -> Reply:
        problems = len(self._problems.texts())
        weights = [(name, number, _weight(route)) for name, route in self._challenged() if (number := _number(route))]
        text = exposition(self._counters, log_pending=self._log.pending, problems=problems, weights=weights)
        return Reply(200, text.encode(), TEXT)

    def versions(self) -> dict[str, int | None]:
        """The version that answers, by endpoint; None where nobody does."""
        routes = sorted(self._router.routes.items())
        return {name: None if route.champion is None else route.champion.number for name, route in routes}

    def loaded(self) -> dict[str, list[int]]:
        """The versions that are in memory and can answer, by endpoint."""
        found: dict[str, list[int]] = {name: [] for name in sorted(self._router.routes)}
        for name, number in sorted(self._router.loaded):
            found.setdefault(name, []).append(number)
        return found

    def _challenged(self) -> list[tuple[str, Route]]:
        """The endpoints with a challenger that answers clients or in shadow."""
        return [(name, route) for name, route in sorted(self._router.routes.items()) if _number(route) is not None]

    def _told(self, scope: Scope, error: QuarterdeckError) -> Reply:
        """The answer to an error; one of ours gets an id by which the log can be searched."""
        if error.http_status != 500:
            return error_reply(error)
        name = new_id()
        log.error("%s %s failed, error %s: %s", scope.method, scope.path, name, error, exc_info=error.__cause__)
        return error_reply(error, id=name)


def _unexpected(error: Exception) -> QuarterdeckError:
    failure = QuarterdeckError("the server failed on this request", hint="its log has the error under this id")
    failure.__cause__ = error
    return failure


def _described(route: Route) -> dict[str, Any]:
    signature = route.signature
    return {
        "version": None if route.champion is None else route.champion.number,
        "challenger": _number(route),
        "weight": _weight(route),
        "shadow": route.shadow is not None,
        "task": signature.task,
        "classes": signature.classes,
        "entity": signature.entity,
        "time": signature.time,
        "fields": [{"name": field.name, "kind": field.kind, "nullable": field.nullable} for field in signature.fields],
    }


def _number(route: Route) -> int | None:
    """The challenger's, also where it is named by the plan and cannot be loaded."""
    if route.challenger is not None:
        return route.challenger.number
    return None if route.canary is None else route.canary.planned.number


def _weight(route: Route) -> float:
    """Percent of the requests that the challenger answers."""
    return 0.0 if route.split is None else route.split.weight


def _trial(route: Route) -> dict[str, Any]:
    return {"version": _number(route), "weight": _weight(route), "shadow": route.shadow is not None}
