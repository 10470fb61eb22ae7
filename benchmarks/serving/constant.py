"""The ceiling: the same HTTP server with an answer that is always the same. `python constant.py PORT`.

It reads no body, checks nothing and logs nothing.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop

from quarterdeck.scheduler.serving.http import Reply, error_reply
from quarterdeck.scheduler.serving.http1.server import HttpServer
from quarterdeck.scheduler.serving.listener import listen

BODY = b'{"endpoint":"logistic","version":1,"predictions":[{"id":"0","label":1,"probability":0.99}]}'


class Constant:
    def admit(self, head: Any) -> None:
        """Anybody."""

    def answer(self, exchange: Any, head: Any, body: bytes, admitted: Any) -> None:
        exchange.json(BODY)

    def refused(self, head: Any, error: Any) -> Reply:
        return error_reply(error)


async def main() -> None:
    await HttpServer(Constant(), listen("127.0.0.1", int(sys.argv[1]))).serve()


with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
