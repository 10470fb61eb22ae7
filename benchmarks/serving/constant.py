"""The ceiling: the same HTTP server with an answer that is always the same. `python constant.py PORT`.

It reads no body, checks nothing and logs nothing.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop

from quarterdeck.scheduler.serving.listener import HttpServer, listen

BODY = b'{"endpoint":"logistic","version":1,"predictions":[{"id":"0","label":1,"probability":0.99}]}'
HEADERS = [("content-type", "application/json")]


class Constant:
    async def __rsgi__(self, scope: Any, transport: Any) -> None:
        transport.response_bytes(200, HEADERS, BODY)


async def main() -> None:
    await HttpServer(Constant(), listen("127.0.0.1", int(sys.argv[1]))).serve()


with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
