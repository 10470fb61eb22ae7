"""A server that answers well or badly, by the path that it is asked at. A program: prints its port and serves.

GET /count gives how often each path was asked, and the last headers and body.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

asked: Counter[str] = Counter()
last: dict[str, Any] = {}
forever = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self._send(200, {"asked": dict(asked), "last": last})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.partition("?")[0]
        asked[path] += 1
        last.update(headers=dict(self.headers), body=body, path=path)
        rows = len(body["inputs"][0]["data"])
        good = {"outputs": [{"name": "y", "shape": [rows], "datatype": "FP64", "data": [0.75] * rows}]}
        getattr(self, f"on_{path.strip('/')}")(good)

    def on_ok(self, good: Any) -> None:
        self._send(200, good)

    def on_twice_503(self, good: Any) -> None:
        self._send(*((503, {}) if asked["/twice_503"] % 3 else (200, good)))

    def on_once_429(self, good: Any) -> None:
        self._send(*((429, {}) if asked["/once_429"] % 2 else (200, good)))

    def on_always_500(self, good: Any) -> None:
        self._send(500, {"error": "no"})

    def on_hangs_up(self, good: Any) -> None:
        self.close_connection = True

    def on_slow(self, good: Any) -> None:
        forever.wait(30)

    def on_drips(self, good: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        while not forever.wait(0.05):
            self.wfile.write(b" ")
            self.wfile.flush()

    def on_redirects(self, good: Any) -> None:
        self.send_response(307)
        self.send_header("Location", "/ok")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def on_refuses(self, good: Any) -> None:
        self._send(422, {"error": "wind is out of range"})

    def on_forbids(self, good: Any) -> None:
        self._send(401, {"error": "who are you"})

    def on_no_json(self, good: Any) -> None:
        self._send(200, "<html>")

    def on_too_few(self, good: Any) -> None:
        self._send(200, {"outputs": [{"name": "y", "shape": [1], "datatype": "FP64", "data": [0.5]}]})

    def on_no_probability(self, good: Any) -> None:
        good["outputs"][0]["data"] = [7.5] * len(good["outputs"][0]["data"])
        self._send(200, good)

    def on_huge(self, good: Any) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        block = b" " * 1_000_000
        for _ in range(200):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))

    def _send(self, status: int, content: Any) -> None:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None: ...  # a client that has gone


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
