"""What all connections of a server have: the application, the limits, the clock, the heads that were read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.serving.http import Exchange, Reply
from quarterdeck.scheduler.serving.http1.head import Head, Heads
from quarterdeck.scheduler.serving.http1.responses import Responses
from quarterdeck.scheduler.serving.limits import Limits


class Application(Protocol):
    """What answers requests. Nothing of it may raise but admit()."""

    def admit(self, head: Head, /) -> Any:
        """Who asks, before the body is read. Raises QuarterdeckError for what is refused."""

    def answer(self, exchange: Exchange, head: Head, body: bytes, admitted: Any, /) -> None:
        """Answer through the exchange, now or later, once. `admitted`: what admit() gave, None if not yet asked."""

    def refused(self, head: Head | None, error: QuarterdeckError, /) -> Reply:
        """The answer to what this side refuses; no head: it could not be read."""


class Shared:
    """What all connections of a server have."""

    def __init__(self, app: Application, limits: Limits, responses: Responses, gone: Callable[[Any], None]):
        self.app = app
        self.limits = limits
        self.responses = responses
        self.gone = gone  # is told of a connection that has ended
        self.heads = Heads()
        self.now = 0.0  # of the loop's clock, as of the last look at the connections
        self.stopping = False
