"""What the server answers at which address (RSGI).

    POST /predict/{endpoint}   rows in, predictions out; predicting.py; ?version=N asks that version alone
    POST /feedback             what really happened: {"id", "label"}, or a list of them
    GET  /                     the endpoints and their fields
    GET  /healthz              the process answers
    GET  /readyz               the traffic plan is loaded; challengers and their shares; what does not work
    GET  /metrics              Prometheus
    GET  /openapi.json, /docs  this, with every endpoint's fields; openapi/
    /v2/...                    the Open Inference Protocol; v2/handlers.py

guard.py says before anything is read who may ask for it.

A list of labels is judged one by one: 200 when all are kept, otherwise 207 with the problems; the others
are kept.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from granian._granian import RSGIProtocolClosed

from quarterdeck.core.errors import NotFoundError, QuarterdeckError, UsageError
from quarterdeck.core.ids import new_id
from quarterdeck.scheduler.serving.counters import Counters, Problems, exposition
from quarterdeck.scheduler.serving.feedback import FeedbackDesk
from quarterdeck.scheduler.serving.guard import Asker, Guard
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
from quarterdeck.scheduler.serving.limits import Limits
from quarterdeck.scheduler.serving.log import PredictionLog
from quarterdeck.scheduler.serving.openapi.document import Documents
from quarterdeck.scheduler.serving.predicting import PredictionDesk
from quarterdeck.scheduler.serving.protocols import decode_labels
from quarterdeck.scheduler.serving.router import Route, Router
from quarterdeck.scheduler.serving.snapshots import Snapshots, together
from quarterdeck.scheduler.serving.v2.handlers import PREFIX, OpenInference
from quarterdeck.scheduler.serving.v2.handlers import error_reply as v2_error_reply

log = logging.getLogger(__name__)

_PREDICT = "/predict/"

Handler = Callable[[Scope, Transport, Asker], Awaitable[Reply]]


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
        snapshots: Snapshots,
        ready: Callable[[], bool],
        lost: Callable[[], int] = lambda: 0,
        guard: Guard,
        limits: Limits,
    ) -> None:
        self._guard = guard
        self._router = router
        self._log = prediction_log
        self._feedback = feedback
        self._bodies = bodies
        self._counters = counters
        self._problems = problems
        self._snapshots = snapshots
        self._ready = ready
        self._lost = lost
        self._desk = PredictionDesk(router, prediction_log, counters, problems, limits)
        self._documents = Documents(router)
        self._v2 = OpenInference(router, self._desk, bodies, ready)
        self._handlers: dict[str, tuple[str, Handler]] = {
            "/": ("GET", self._index),
            "/healthz": ("GET", self._healthz),
            "/readyz": ("GET", self._readyz),
            "/metrics": ("GET", self._metrics),
            "/openapi.json": ("GET", self._openapi),
            "/docs": ("GET", self._docs),
            "/feedback": ("POST", self._take_feedback),
        }

    async def __rsgi__(self, scope: Scope, transport: Transport) -> None:
        started = time.perf_counter_ns()
        self._counters.requests += 1
        path = scope.path
        try:
            asker = self._guard.admit(scope)
            if path.startswith(_PREDICT) and scope.method == "POST":
                body = await self._bodies.json(scope, transport, asker)
                route = self._router.route(path[len(_PREDICT) :])
                transport.response_bytes(200, JSON, await self._answer(scope, route, body, started, asker))
                return
            if path.startswith(PREFIX):
                reply = await self._v2.answer(scope, transport, started, asker)
            else:
                reply = await self._other(scope, transport, asker)
        except QuarterdeckError as error:
            reply = self._told(scope, error)
        except RSGIProtocolClosed:  # the client has gone, or ended its request halfway and listens still
            reply = error_reply(http_error(400, "the request ended before its body did", "send all that was announced"))
        except Exception as error:  # the last line: a mistake of ours fails this request and no other
            reply = self._told(scope, _unexpected(error))
        if reply.status >= 400 and path != "/readyz":  # "not yet" is an answer, not a failure
            self._counters.errors += 1
            self._counters.failed += reply.status >= 500
            if reply.status in self._counters.refused:
                self._counters.refused[reply.status] += 1
        with suppress(RSGIProtocolClosed):
            transport.response_bytes(reply.status, reply.headers, reply.body)

    def _answer(self, scope: Scope, route: Route, body: bytes, started: int, asker: Asker) -> Awaitable[bytes]:
        """By the traffic plan, or by the version that the query asks for. UsageError for any other query: a row that
        was meant for one version would be answered, and watched, as a client's.
        """
        if not scope.query_string:
            return self._desk.answer_body(route, body, started, asker)
        asked = parse_qs(scope.query_string, keep_blank_values=True)
        if asked.keys() != {"version"} or len(asked["version"]) != 1:
            raise UsageError(f"the query {scope.query_string[:100]!r} says nothing here", hint="there is ?version=N")
        return self._desk.answer_directly(self._router.version(route, asked["version"][0]), body, started, asker)

    async def _other(self, scope: Scope, transport: Transport, asker: Asker) -> Reply:
        method, handler = self._handlers.get(scope.path, (None, None))
        if scope.path.startswith(_PREDICT):
            method = "POST"
        elif handler is None:
            known = ", ".join(("/predict/{endpoint}", *self._handlers))
            raise NotFoundError(f"there is nothing at {scope.path[:100]!r}", hint=f"there is {known}")
        if handler is None or scope.method not in (method, "HEAD" if method == "GET" else method):
            reply = error_reply(http_error(405, f"{scope.method} is not answered here", f"use {method}"))
            return reply._replace(headers=[*JSON, ("allow", method or "")])
        return await handler(scope, transport, asker)

    async def _take_feedback(self, scope: Scope, transport: Transport, asker: Asker) -> Reply:
        body = await self._bodies.json(scope, transport, asker)
        items, is_list = decode_labels(body, self._desk.limits)
        outcomes = await self._feedback.take(items, asker.may)
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

    async def _index(self, _: Scope, __: Transport, asker: Asker) -> Reply:
        routes = sorted(self._router.routes.items())
        endpoints = {name: _described(route) for name, route in routes if asker.may(name)}
        return Reply.of({"server": "quarterdeck", "endpoints": endpoints})

    async def _healthz(self, _: Scope, __: Transport, ___: Asker) -> Reply:
        return Reply.of({"status": "alive"})

    async def _readyz(self, _: Scope, __: Transport, asker: Asker) -> Reply:
        ready = self._ready()
        if not asker.knows_all:  # health is open; what the endpoints are called and suffer from is not
            return Reply.of({"ready": ready}, 200 if ready else 503)
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

    async def _metrics(self, _: Scope, __: Transport, ___: Asker) -> Reply:
        """Of all processes of the server, whichever was asked."""
        self._snapshots.write(self._log.pending)
        found = self._snapshots.all()
        weights = [(name, number, _weight(route)) for name, route in self._challenged() if (number := _number(route))]
        text = exposition(
            together(found),
            log_pending=sum(item.pending for item in found),
            lost=self._lost(),
            problems=len({text for item in found for text in item.problems} | set(self._problems.texts())),
            weights=weights,
        )
        return Reply(200, text.encode(), TEXT)

    async def _openapi(self, _: Scope, __: Transport, asker: Asker) -> Reply:
        return self._documents.document(asker, token_required=self._guard.required)

    async def _docs(self, _: Scope, __: Transport, ___: Asker) -> Reply:
        return self._documents.page()

    def versions(self) -> dict[str, int | None]:
        """The version that answers, by endpoint; None where nobody does."""
        routes = sorted(self._router.routes.items())
        return {name: None if route.champion is None else route.champion.number for name, route in routes}

    def loaded(self) -> dict[str, list[int]]:
        """The versions that are in memory and can answer, by endpoint."""
        return {name: sorted(self._router.loaded.get(name, {})) for name in sorted(self._router.routes)}

    def _challenged(self) -> list[tuple[str, Route]]:
        """The endpoints with a challenger that answers clients or in shadow."""
        return [(name, route) for name, route in sorted(self._router.routes.items()) if _number(route) is not None]

    def _told(self, scope: Scope, error: QuarterdeckError) -> Reply:
        """The answer to an error; one of ours gets an id by which the log can be searched."""
        write = v2_error_reply if scope.path.startswith(PREFIX) else error_reply
        if error.http_status != 500:
            return write(error)
        name = new_id()
        log.error("%s %s failed, error %s: %s", scope.method, scope.path, name, error, exc_info=error.__cause__)
        return write(error, id=name)


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
