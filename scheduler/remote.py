"""Asks a remote model over HTTP, within its time, and leaves it alone while it fails.

Imported only where a remote model answers. Nothing but http and https, no redirect is followed, nothing of the
environment but the variables that the model's headers name (no proxy, no .netrc), and an answer has a size that it
may not exceed.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import httpx

from quarterdeck.core.errors import InputError, QuarterdeckError, RefusedError, UnavailableError
from quarterdeck.core.models.circuit_breaker import Breaker, ask, tell, waits
from quarterdeck.core.models.columns import Columns, row_count
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.models.remote import FROM_ENVIRONMENT, RemoteModel
from quarterdeck.core.models.remote_protocols import read_answers, request_body
from quarterdeck.core.models.row_answers import Gives
from quarterdeck.core.models.signature import Signature

MOST_ANSWER = 64 * 1024 * 1024  # bytes
FIRST_WAIT_S = 0.05  # before the first retry; it doubles, and a random share of it is waited
_QUOTED = 200  # characters of a refusal's body


class _Again(Exception):
    """A failure that another attempt may not meet."""


class RemotePredictor:
    """Answers of one remote model. Safe to call from several threads; `gives` is known after the first answer."""

    def __init__(
        self, model: RemoteModel, signature: Signature, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.signature = signature
        self.gives: Gives | None = model.gives
        self._model = model
        self._clock = clock  # the breaker's
        self._breaker = Breaker()
        self._lock = threading.Lock()
        self._chance = random.Random()  # noqa: S311  # spreads retries; nothing is kept secret by it
        self._http = httpx.Client(follow_redirects=False, trust_env=False, headers=_headers(model))
        weakref.finalize(self, self._http.close)

    def predict(self, columns: Columns) -> Answers:
        """UnavailableError where the other server does not answer, answers what is no answer, or is left alone;
        InputError where it refuses these rows.
        """
        body = json.dumps(request_body(self._model, columns, self.signature), allow_nan=False).encode()
        self._may_ask()
        alive = False
        try:
            answers = self._read(self._ask(body), row_count(columns))
            alive = True
            return answers
        except InputError:  # it is well, and says no
            alive = True
            raise
        finally:
            with self._lock:
                self._breaker = tell(self._breaker, self._model.breaker, succeeded=alive, now=self._clock())

    def _may_ask(self) -> None:
        with self._lock:
            now = self._clock()
            self._breaker, allowed = ask(self._breaker, self._model.breaker, now)
            left = waits(self._breaker, self._model.breaker, now)
        if not allowed:
            message = f"{self._model.host} failed {self._model.breaker.failures} times in a row and is left alone"
            raise UnavailableError(message, where=self._model.url, hint=f"it is tried again in {left:.0f} s")

    def _ask(self, body: bytes) -> bytes:
        """The body of a good answer, with retries, all within the model's time."""
        deadline = time.monotonic() + self._model.timeout_s
        for attempt in range(self._model.retries + 1):
            try:
                return self._once(body, deadline)
            except _Again as error:
                wait = FIRST_WAIT_S * 2**attempt * (0.5 + self._chance.random() / 2)
                if attempt == self._model.retries or time.monotonic() + wait >= deadline:
                    raise self._failed(f"{error}, in {attempt + 1} attempts") from error
                time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, body: bytes, deadline: float) -> bytes:
        left = deadline - time.monotonic()
        timeout = httpx.Timeout(max(left, 0.001), connect=min(self._model.connect_timeout_s, max(left, 0.001)))
        sent: dict[str, Any] = {"content": body, "timeout": timeout, "headers": {"Content-Type": "application/json"}}
        try:
            with self._http.stream("POST", self._model.url, **sent) as response:
                content = self._content(response, deadline)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.RemoteProtocolError, httpx.WriteError) as error:
            raise _Again(f"the connection failed: {error or type(error).__name__}") from error
        except httpx.TimeoutException as error:
            raise self._late() from error
        except httpx.HTTPError as error:
            raise self._failed(f"{type(error).__name__}: {error}") from error
        return self._good(response, content)

    def _content(self, response: httpx.Response, deadline: float) -> bytes:
        """All of a body that comes in time and is not too large: a trickle must not hold the thread."""
        content = bytearray()
        for part in response.iter_bytes():
            content += part
            if len(content) > MOST_ANSWER:
                raise self._failed(f"its answer is larger than {MOST_ANSWER:,} bytes")
            if time.monotonic() > deadline:
                raise self._late()
        return bytes(content)

    def _good(self, response: httpx.Response, content: bytes) -> bytes:
        status = response.status_code
        if status == 429 or status >= 500:
            raise _Again(f"it answered HTTP {status}")
        if response.is_redirect:
            raise self._failed(f"it redirects (HTTP {status}), which is not followed")
        said = content[:_QUOTED].decode(errors="replace")
        if status in (400, 413, 422):
            raise InputError(f"the remote model refuses these rows: HTTP {status} {said}", where=self._model.url)
        if not response.is_success:
            raise self._failed(f"it answered HTTP {status} {said}")
        return content

    def _read(self, content: bytes, rows: int) -> Answers:
        try:
            answers, gives = read_answers(self._model, json.loads(content), rows, self.signature)
            if self.gives not in (None, gives):
                raise RefusedError(f"it gave {self.gives} before, and now gives {gives}")
        except (ValueError, RecursionError) as error:
            raise self._failed(f"its answer is not JSON: {error}") from error
        except QuarterdeckError as error:
            said = f"{error.where}: {error.message}" if error.where else error.message
            raise self._failed(f"its answer cannot be used: {said}") from error
        self.gives = gives
        return answers

    def _late(self) -> UnavailableError:
        return self._failed(f"it did not answer within {self._model.timeout_s:g} s")

    def _failed(self, reason: str) -> UnavailableError:
        return UnavailableError(f"the remote model failed: {reason}", where=self._model.url, hint="see to that server")


def _headers(model: RemoteModel) -> dict[str, str]:
    """Read when the model is made, so that a missing variable keeps it from going live."""
    found = {"Accept": "application/json"}
    for name, source in model.headers.items():
        variable = source.removeprefix(FROM_ENVIRONMENT)
        value = os.environ.get(variable)
        if not value:
            hint = "set it where the prediction server and the daemon start"
            raise UnavailableError(f"the environment variable {variable} is not set: header {name}", hint=hint)
        if not (value.isascii() and value.isprintable()):
            raise UnavailableError(f"the environment variable {variable} cannot be a header's value")
        found[name] = value
    return found
