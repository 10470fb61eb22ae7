"""A constant answer from granian, in its fastest way: RSGI, embedded in a loop. `python granian_constant.py PORT`.

It is a server in Rust that reads no body here: how near a protocol in Python comes to it.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop
from granian.constants import HTTPModes
from granian.server.embed import Server

BODY = b'{"endpoint":"logistic","version":1,"predictions":[{"id":"0","label":1,"probability":0.99}]}'
HEADERS = [("content-type", "application/json")]


class Constant:
    async def __rsgi__(self, scope: Any, transport: Any) -> None:
        transport.response_bytes(200, HEADERS, BODY)


async def main() -> None:
    port = int(sys.argv[1])
    await Server(Constant(), port=port, http=HTTPModes.http1, websockets=False, log_enabled=False).serve()


with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
