"""What the server answers at which address.

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

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from quarterdeck.core.errors import NotFoundError, QuarterdeckError, UsageError
from quarterdeck.core.ids import new_id
from quarterdeck.scheduler.serving.counters import Counters, Problems, exposition
from quarterdeck.scheduler.serving.feedback import FeedbackDesk
from quarterdeck.scheduler.serving.guard import Asker, Guard
from quarterdeck.scheduler.serving.http import (
    JSON,
    TEXT,
    Exchange,
    Reply,
    error_reply,
    http_error,
    is_json,
)
from quarterdeck.scheduler.serving.http1.head import Head
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

Handler = Callable[[Head, bytes, Asker], Awaitable[Reply]]


class App:
    """One object a process; every call runs in the loop."""

    def __init__(
        self,
        *,
        router: Router,
        prediction_log: PredictionLog,
        feedback: FeedbackDesk,
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
        self._counters = counters
        self._problems = problems
        self._snapshots = snapshots
        self._ready = ready
        self._lost = lost
        self._desk = PredictionDesk(router, prediction_log, counters, problems, limits)
        self._documents = Documents(router)
        self._v2 = OpenInference(router, self._desk, ready)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()  # the loop alone does not keep them
        self._handlers: dict[str, tuple[str, Handler]] = {
            "/": ("GET", self._index),
            "/healthz": ("GET", self._healthz),
            "/readyz": ("GET", self._readyz),
            "/metrics": ("GET", self._metrics),
            "/openapi.json": ("GET", self._openapi),
            "/docs": ("GET", self._docs),
            "/feedback": ("POST", self._take_feedback),
        }

    def admit(self, head: Head) -> Asker:
        """Who asks, before the body is read. Raises QuarterdeckError for what is refused unread."""
        self._counters.requests += 1
        asker = self._guard.admit(head)
        if head.note is None:
            head.note = _endpoint(head)
        return asker

    def answer(self, exchange: Exchange, head: Head, body: bytes, admitted: Asker | None) -> None:
        """Through the exchange: at once, or later, where the answer has to be waited for."""
        started = time.perf_counter_ns()
        try:
            if admitted is None:
                admitted = self.admit(head)
            elif head.chunked:
                admitted.took(len(body))
            if head.note:
                route = self._router.route(head.note)
                prediction = self._desk.answer_body(route, body, started, admitted, partial(self._done, exchange, head))
                if prediction is None:
                    return
                reply: Awaitable[Reply] = _ok(prediction)
            else:
                reply = self._reply(head, body, started, admitted)
        except Exception as error:  # the last line: a mistake of ours fails this request and no other
            exchange.reply(self._failed(head, error))
            return
        task = self._loop.create_task(self._answer_later(exchange, head, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def refused(self, head: Head | None, error: QuarterdeckError) -> Reply:
        """The answer to what was refused before it came here, or by admit()."""
        if head is None:
            self._counters.requests += 1
        return self._failed(head, error)

    def _done(self, exchange: Exchange, head: Head, outcome: bytes | Exception) -> None:
        if isinstance(outcome, bytes):
            exchange.json(outcome)
        else:
            exchange.reply(self._failed(head, outcome))

    async def _answer_later(self, exchange: Exchange, head: Head, waiting: Awaitable[Reply]) -> None:
        try:
            reply = await waiting
        except Exception as error:
            reply = self._failed(head, error)
        else:
            if reply.status >= 400 and head.path != "/readyz":  # "not yet" is an answer, not a failure
                self._count(reply.status)
        exchange.reply(reply)

    def _reply(self, head: Head, body: bytes, started: int, asker: Asker) -> Awaitable[Reply]:
        if head.path.startswith(_PREDICT) and head.method == "POST":
            return self._directly(head, body, started, asker)
        if head.path.startswith(PREFIX):
            return self._v2.answer(head, body, started, asker)
        return self._other(head, body, asker)

    async def _directly(self, head: Head, body: bytes, started: int, asker: Asker) -> Reply:
        """By the version that the query asks for. UsageError for any other query: a row that was meant for one version
        would be answered, and watched, as a client's.
        """
        route = self._router.route(head.path[len(_PREDICT) :])
        asked = parse_qs(head.query_string, keep_blank_values=True)
        if asked.keys() != {"version"} or len(asked["version"]) != 1:
            raise UsageError(f"the query {head.query_string[:100]!r} says nothing here", hint="there is ?version=N")
        live = self._router.version(route, asked["version"][0])
        return Reply(200, await self._desk.answer_directly(live, body, started, asker))

    async def _other(self, head: Head, body: bytes, asker: Asker) -> Reply:
        method, handler = self._handlers.get(head.path, (None, None))
        if head.path.startswith(_PREDICT):
            method = "POST"
        elif handler is None:
            known = ", ".join(("/predict/{endpoint}", *self._handlers))
            raise NotFoundError(f"there is nothing at {head.path[:100]!r}", hint=f"there is {known}")
        if handler is None or head.method not in (method, "HEAD" if method == "GET" else method):
            reply = error_reply(http_error(405, f"{head.method} is not answered here", f"use {method}"))
            return reply._replace(headers=[*JSON, ("allow", method or "")])
        return await handler(head, body, asker)

    async def _take_feedback(self, _: Head, body: bytes, asker: Asker) -> Reply:
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

    async def _index(self, _: Head, __: bytes, asker: Asker) -> Reply:
        routes = sorted(self._router.routes.items())
        endpoints = {name: _described(route) for name, route in routes if asker.may(name)}
        return Reply.of({"server": "quarterdeck", "endpoints": endpoints})

    async def _healthz(self, _: Head, __: bytes, ___: Asker) -> Reply:
        return Reply.of({"status": "alive"})

    async def _readyz(self, _: Head, __: bytes, asker: Asker) -> Reply:
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

    async def _metrics(self, _: Head, __: bytes, ___: Asker) -> Reply:
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

    async def _openapi(self, _: Head, __: bytes, asker: Asker) -> Reply:
        return self._documents.document(asker, token_required=self._guard.required)

    async def _docs(self, _: Head, __: bytes, ___: Asker) -> Reply:
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

    def _failed(self, head: Head | None, error: Exception) -> Reply:
        """The answer to an error, counted; one of ours gets an id by which the log can be searched."""
        failure = error if isinstance(error, QuarterdeckError) else _unexpected(error)
        self._count(failure.http_status)
        write = v2_error_reply if head is not None and head.path.startswith(PREFIX) else error_reply
        if failure.http_status != 500:
            return write(failure)
        name = new_id()
        what = "a request" if head is None else f"{head.method} {head.path}"
        log.error("%s failed, error %s: %s", what, name, failure, exc_info=failure.__cause__)
        return write(failure, id=name)

    def _count(self, status: int) -> None:
        counters = self._counters
        counters.errors += 1
        counters.failed += status >= 500
        if status in counters.refused:
            counters.refused[status] += 1


async def _ok(body: Awaitable[bytes]) -> Reply:
    return Reply(200, await body)


def _endpoint(head: Head) -> str:
    """Which endpoint is asked to predict plain rows; empty for any other request. Raises an error with status 415."""
    sent = head.headers.get("content-encoding", "identity")
    if sent.lower() != "identity":
        raise http_error(
            415, f"compressed bodies are not read, such as {sent[:40]!r}", "send it without content-encoding"
        )
    path = head.path
    if head.method != "POST" or not (path.startswith(_PREDICT) or path == "/feedback"):
        return ""
    if not is_json(head.headers.get("content-type", "")):
        # a web page may send other types to this machine without asking; it must not be able to send labels
        raise http_error(415, "expected content-type application/json", "send that header with the request")
    return "" if head.query_string or path == "/feedback" else path[len(_PREDICT) :]


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
