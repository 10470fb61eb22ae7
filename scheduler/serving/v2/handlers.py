"""What is answered under /v2.

    GET  /v2                                        the server
    GET  /v2/health/live, /v2/health/ready
    GET  /v2/models/{m}[/versions/{v}]              what it takes and gives
    GET  /v2/models/{m}[/versions/{v}]/ready
    POST /v2/models/{m}[/versions/{v}]/infer
    POST /v2/repository/index

Without a version the traffic plan decides who answers. A version that is asked for by its number answers alone, where
it is loaded: it is logged under an arm of its own, and is in no comparison and no window of the monitor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from quarterdeck.core.errors import NotFoundError, QuarterdeckError, UsageError
from quarterdeck.core.ids import new_id
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Arm
from quarterdeck.scheduler.serving.guard import Asker
from quarterdeck.scheduler.serving.http import JSON, Head, Reply, http_error
from quarterdeck.scheduler.serving.live import LiveModel
from quarterdeck.scheduler.serving.predicting import PredictionDesk
from quarterdeck.scheduler.serving.protocols import decode as decode_json
from quarterdeck.scheduler.serving.reader import ORDINARY, Request
from quarterdeck.scheduler.serving.router import Route, Router
from quarterdeck.scheduler.serving.v2 import binary, metadata, wire
from quarterdeck.scheduler.serving.v2.answers import Outputs, TensorForm
from quarterdeck.scheduler.serving.v2.rows import TensorRows

PREFIX = "/v2"
HEADER = "inference-header-content-length"
BINARY = "application/octet-stream"
FEW_BYTES = ORDINARY // 8  # of binary tensors, which hold more values than JSON of that size
_LIVE, _READY, _INDEX = ["v2", "health", "live"], ["v2", "health", "ready"], ["v2", "repository", "index"]
_PLACES = (["v2"], _LIVE, _READY, _INDEX)

Check = Callable[[Sequence[Any]], Request]


class _Address(NamedTuple):
    """Which model, which version, and what of it."""

    model: str
    version: str | None
    act: str  # "", "ready" or "infer"


class _Known(NamedTuple):
    """What is made once a version."""

    rows: TensorRows
    outputs: Outputs


class OpenInference:
    """One object a process; every call runs in the loop, reading many rows aside."""

    def __init__(self, router: Router, desk: PredictionDesk, ready: Callable[[], bool]) -> None:
        self._router = router
        self._desk = desk
        self._ready = ready
        self._known: WeakKeyDictionary[LiveModel, _Known] = WeakKeyDictionary()

    async def answer(self, head: Head, body: bytes, started: int, asker: Asker) -> Reply:
        """Raises QuarterdeckError for what is refused; error_reply() writes it as the protocol does."""
        parts = head.path.removesuffix("/").split("/")[1:]
        address = _address(parts)
        if address is None and parts not in _PLACES:
            hint = "there is /v2, /v2/health/live, /v2/health/ready, /v2/models/{model}[/versions/{version}]"
            raise NotFoundError(f"there is nothing at {head.path[:100]!r}", hint=f"{hint}[/ready|/infer]")
        method = "POST" if parts == _INDEX or (address and address.act == "infer") else "GET"
        if head.method not in (method, "HEAD" if method == "GET" else method):
            reply = error_reply(http_error(405, f"{head.method} is not answered here", f"use {method}"))
            return reply._replace(headers=[*JSON, ("allow", method)])
        if address is None:
            return self._index(body, asker) if parts == _INDEX else self._about(parts)
        if address.act == "infer":
            return await self._infer(address, head, body, started, asker)
        return self._described(address)

    def _about(self, parts: Sequence[str]) -> Reply:
        if parts == _READY:
            ready = self._ready()
            return Reply.of({"ready": ready}, 200 if ready else 503)
        return Reply.of({"live": True} if parts == _LIVE else metadata.server())

    def _described(self, address: _Address) -> Reply:
        route, live = self._live(address)
        if address.act == "ready":
            return Reply.of({"name": route.name, "ready": True})
        outputs = self._of(live).outputs
        return Reply.of(metadata.model(route.name, live, outputs, self._router.loaded.get(route.name, {})))

    def _index(self, body: bytes, asker: Asker) -> Reply:
        asked = decode_json(body) if body.strip() else {}
        if (
            asked.__class__ is not dict
            or not asked.keys() <= {"ready"}
            or asked.get("ready", False).__class__ is not bool
        ):
            raise UsageError('expected nothing, or an object with "ready": true or false')
        found = metadata.index(self._router, ready_only=asked.get("ready", False))
        return Reply.of([item for item in found if asker.may(item["name"])])

    async def _infer(self, address: _Address, head: Head, body: bytes, started: int, asker: Asker) -> Reply:
        header = head.headers.get(HEADER)
        _check_type(head, header)
        route, live = self._live(address)
        many = len(body) > (ORDINARY if header is None else FEW_BYTES)
        reading = (self._read, route, live, address.version is None, body, header)
        request, form = await self._desk.aside(*reading) if many else self._read(*reading[1:])
        if address.version is None:
            answer = await self._desk.answer(route, live, request, form=form, started=started, asker=asker)
        else:
            asker.take(route.name, len(request.rows))
            ids = [new_id() for _ in request.rows]
            answer = await self._desk.answer_by(live, Arm.DIRECT, request, ids, form=form, started=started)
        if form.json_length is None:
            return Reply(200, answer)
        return Reply(200, answer, [("content-type", BINARY), (HEADER, str(form.json_length))])

    def _read(
        self, route: Route, live: LiveModel, planned: bool, body: bytes, header: str | None
    ) -> tuple[Request, TensorForm]:
        """The checked rows, and the form of their answer; `planned`: the traffic plan decides who answers."""
        text, behind = binary.split(body, header)
        asked = wire.decode(text)
        known = self._of(live)
        form = TensorForm(known.outputs, wire.wanted(asked, known.outputs.names), asked.id or None)
        reader, check = known.rows, live.reader.check
        if planned and route.wide is not None and route.challenger is not None:
            reader = TensorRows(live.planned.signature, route.challenger.planned.signature)
            check = route.wide.check
        return check(reader.rows(asked.inputs, binary.parts(asked, behind), self._desk.limits)), form

    def _live(self, address: _Address) -> tuple[Route, LiveModel]:
        """Raises NotFoundError for an unknown model or version, UnavailableError where nobody can answer."""
        route = self._router.route(address.model)
        if address.version is None:
            return route, self._router.champion(route)
        loaded = self._router.loaded.get(route.name, {})
        text = address.version
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        if number not in loaded:
            known = f"loaded are the versions {', '.join(map(str, sorted(loaded)))}" if loaded else "none is loaded"
            raise NotFoundError(f"version {text[:40]!r} of {route.name} is not loaded", hint=known)
        return route, loaded[number]

    def _of(self, live: LiveModel) -> _Known:
        known = self._known.get(live)
        if known is None:
            signature: Signature = live.planned.signature
            outputs = Outputs.of(signature, probabilities=live.probabilistic)
            known = self._known[live] = _Known(TensorRows(signature), outputs)
        return known


def error_reply(error: QuarterdeckError, **more: str) -> Reply:
    """An error as the protocol writes it."""
    return Reply.of({"error": str(error), **more}, error.http_status)


def _address(parts: Sequence[str]) -> _Address | None:
    """models, NAME, and perhaps versions, NUMBER, and perhaps what of it."""
    if len(parts) < 3 or parts[:2] != ["v2", "models"]:
        return None
    version, rest = (parts[4], parts[5:]) if len(parts) > 4 and parts[3] == "versions" else (None, parts[3:])
    act = rest[0] if rest else ""
    return _Address(parts[2], version, act) if len(rest) < 2 and act in ("", "ready", "infer") else None


def _check_type(head: Head, header: str | None) -> None:
    """A web page may send some types to this machine without asking, and a body without one: it names its origin."""
    kind = (head.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        return
    if header is None and kind == BINARY:
        raise http_error(415, "binary tensors need the header Inference-Header-Content-Length", "or send JSON")
    if kind not in ("", BINARY) or head.headers.get("origin") is not None:
        raise http_error(415, f"expected content-type application/json, or {BINARY} with binary tensors")
