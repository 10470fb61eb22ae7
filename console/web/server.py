"""textual-serve on loopback, behind a token that is new at every start.

A page in the same browser must not drive the console, so beside the token the Host header must name this very
address, and a request that another site began, which its Origin tells, is refused.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web
from textual_serve.server import Server

from quarterdeck.core.errors import UnavailableError

HOST = "127.0.0.1"
NAMES = (HOST, "localhost")  # by which a browser on this machine may know it
MOST_CONSOLES = 8  # open pages; each is a process
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def listen(port: int) -> socket.socket:
    """A socket on loopback; port 0 takes any that is free. UnavailableError for one in use."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        hint = "name another with --port (0 takes a free one)"
        raise UnavailableError(f"port {port} cannot be used: {error.strerror}", where=HOST, hint=hint) from error
    return listener


class WebConsole(Server):
    """Serves one workspace's console until it is told to stop."""

    def __init__(self, listener: socket.socket, workspace: Path, *, read_only: bool) -> None:
        words = [sys.executable, "-m", "quarterdeck.console.web.page", "--workspace", str(workspace)]
        self.listener = listener
        port = listener.getsockname()[1]
        # textual-serve hands its command to a shell: every word is quoted, and none of them comes from a request
        super().__init__(_quoted([*words, *(["--read-only"] if read_only else [])]), HOST, port, title="quarterdeck")
        self.secret = secrets.token_urlsafe(32)
        self._cookie = f"quarterdeck-{port}"
        self._open = 0

    @property
    def address(self) -> str:
        """What a person opens once; after that the browser has the token in a cookie."""
        return f"{self.public_url}/?token={self.secret}"

    def initialize_logging(self) -> None:
        """The command's own output says all there is to say."""

    async def on_startup(self, app: web.Application) -> None:
        """Nothing: the address was printed before."""

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._guarded(request, handler)

        app.middlewares.append(guarded)
        return app

    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        answer = await handler(request)
        if not answer.prepared:
            answer.headers.update(_HEADERS)
        return answer

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Why a request is not answered, or the way in for one that brings the token; None: it is answered."""
        port = self.listener.getsockname()[1]
        hosts = {f"{name}:{port}" for name in NAMES}
        if request.headers.get("Host") not in hosts:
            return _no(403, "this console answers as 127.0.0.1 and localhost only")
        origin = request.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in hosts}:
            return _no(403, "another site began this request")
        if request.path == "/" and self._right(request.query.get("token")):
            entered = web.Response(status=303, headers={"Location": "/", **_HEADERS})
            entered.set_cookie(self._cookie, self.secret, httponly=True, samesite="Strict", path="/")
            return entered
        if self._right(request.cookies.get(self._cookie)):
            return None
        return _no(401, "open the address that `quarterdeck web` printed: it has the token")

    def _right(self, shown: str | None) -> bool:
        """Compared by digests: neither its length nor its bytes can be told by the time it takes."""
        return shown is not None and hmac.compare_digest(_digest(shown), _digest(self.secret))

    async def handle_websocket(self, request: web.Request) -> Any:
        if self._open >= MOST_CONSOLES:
            return _no(503, f"{MOST_CONSOLES} consoles are open: close one")
        self._open += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self._open -= 1

    async def answer(self, stopped: asyncio.Event) -> None:
        """Serve until `stopped` is set; open consoles end with it."""
        runner = web.AppRunner(await self._make_app(), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            await web.SockSite(runner, self.listener).start()
            await stopped.wait()
        finally:
            await runner.cleanup()


def _no(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=f"{why}\n", headers=_HEADERS)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _quoted(words: Sequence[str]) -> str:
    return shlex.join(words)
