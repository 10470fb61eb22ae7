"""HTTP for webhooks, in the daemon: one request at a time, bounded in size and time, on a thread of its own.

Few calls come here, and each is small: the standard library's server is enough, held to a deadline for the whole
request, so that a sender that is slow on purpose holds up others for five seconds at most.
"""

from __future__ import annotations

import io
import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

from quarterdeck.core.webhook_signature import SignedCall

log = logging.getLogger(__name__)

LARGEST = 64 * 1024  # bytes of a body
DEADLINE_S = 5.0  # for a whole request, its head and its body


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A status and a JSON object."""

    status: int
    body: dict[str, Any]
    retry_after: int | None = None


class Listener:
    """Listens from its making to close(). OSError where the address cannot be had."""

    def __init__(self, host: str, port: int, answer: Callable[[str, SignedCall], Answer]) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
        server = type("Server", (_Server,), {"address_family": family})
        self._server: HTTPServer = server((host, port), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="webhooks", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        host, port = self._server.server_address[:2]
        name = host.decode() if isinstance(host, bytes) else str(host)
        return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(HTTPServer):
    request_queue_size = 16

    def server_bind(self) -> None:
        """Without asking the name service for our own name, as the library's does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("a call of a webhook from %s broke off", client_address, exc_info=True)


class _Bounded(io.RawIOBase):
    """A socket that is read until a deadline."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request took too long")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    answer: ClassVar[Callable[[str, SignedCall], Answer]]
    server_version = "quarterdeck"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.rfile = io.BufferedReader(_Bounded(self.connection, time.monotonic() + DEADLINE_S))

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        call_id, timestamp, signatures = (self.headers.get(name, "") for name in names)
        call = SignedCall(id=call_id, timestamp=timestamp, signatures=signatures, body=body)
        try:
            self._say(type(self).answer(self.path, call))
        except Exception:  # the thread's boundary: a call that fails must not end the listener
            log.exception("a call of a webhook failed")
            self._say(Answer(status=503, body={"error": "it cannot be kept at this moment; send it again"}))

    def _body(self) -> bytes | None:
        """The body, or None where an answer has said why not."""
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()) or len(length) > 12:
            self._say(Answer(status=411, body={"error": "content-length is missing, or no number"}))
        elif int(length) > LARGEST:
            self._say(Answer(status=413, body={"error": f"the body has more than {LARGEST:,} bytes"}))
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                return body
            self._say(Answer(status=400, body={"error": "the body is shorter than content-length"}))
        return None

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """As JSON, and without what was asked for."""
        self._say(
            Answer(status=405 if code == 501 else code, body={"error": self.responses.get(code, ("refused",))[0]})
        )

    def _say(self, answer: Answer) -> None:
        body = json.dumps(answer.body).encode()
        self.close_connection = True
        self.connection.settimeout(DEADLINE_S)
        self.send_response(answer.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        if answer.retry_after is not None:
            self.send_header("retry-after", str(answer.retry_after))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)
