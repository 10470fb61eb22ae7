"""Who asks, and whether they may: before a request's body is read.

A client shows its token as `Authorization: Bearer SECRET`, in no other way: that header is the one that proxies and
logs know to leave out. Where tokens are required, 401 answers a request without one that counts. Where they are not,
whoever shows none may ask everything, and one that is shown counts as it does elsewhere: its scope, its end, its rates.

Health is open to everybody, without details for those who show no token. `/metrics` tells about every endpoint, so it
takes a token for all of them. Everything else takes any token; what is an endpoint's takes one for it.

Only the hash of a secret is looked up: what the time of a look-up tells is about the hash, which helps nobody to guess.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple

from quarterdeck.core.clients import ALL, Client
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.scheduler.serving.http import Head, http_error
from quarterdeck.scheduler.serving.limiter import Full, Meter, Meters
from quarterdeck.scheduler.serving.limits import DEFAULT, Limits

OPEN = frozenset({"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"})
OWN = "of this workspace"  # no token can bear that name
FOR_ALL = frozenset({"/metrics"})
_PREDICT = "/predict/"
_MODELS = "/v2/models/"
_REALM = 'Bearer realm="quarterdeck"'


class Asker:
    """Who sent a request: a client, or somebody without a token."""

    __slots__ = ("_all", "_endpoints", "_meter", "name")

    def __init__(self, name: str | None, endpoints: frozenset[str], meter: Meter | None = None) -> None:
        self.name = name
        self._endpoints = endpoints
        self._all = ALL in endpoints
        self._meter = meter

    @property
    def knows(self) -> bool:
        """Whether it may ask for anything."""
        return bool(self._endpoints)

    @property
    def knows_all(self) -> bool:
        """Whether it may see what concerns every endpoint."""
        return self._all

    def may(self, endpoint: str) -> bool:
        return self._all or endpoint in self._endpoints

    def check(self, endpoint: str) -> None:
        """Raises an error with status 403 where the endpoint is outside the token's scope, whether it exists or not."""
        if not self.may(endpoint):
            raise _outside(self.name, repr(endpoint[:100]))

    def check_all(self) -> None:
        if not self._all:
            raise _outside(self.name, "what concerns every endpoint")

    def begin(self, size: int) -> None:
        """One request, with a body of so many bytes. Raises an error with status 429 over a rate."""
        if self._meter is None:
            return
        self._refuse(self._meter.full())
        self._meter.take("requests", 1)
        self._meter.take("bytes", size)

    def take(self, endpoint: str, rows: int) -> None:
        """So many rows for a model, which is not asked yet. Raises an error with status 403 or 429."""
        self.check(endpoint)
        if self._meter is not None:
            self._refuse(self._meter.full_of("rows"))
            self._meter.take("rows", rows)

    def took(self, size: int) -> None:
        """A body whose length was not said has come."""
        if self._meter is not None:
            self._meter.take("bytes", size)

    def _refuse(self, found: Full | None) -> None:
        if found is not None:
            seconds = max(1, math.ceil(found.wait))
            message = f"the token {self.name} may ask {found.rate:,} {found.kind} a second, and has"
            error = http_error(429, message, f"ask again in {seconds} s")
            error.http_headers = (("retry-after", str(seconds)),)
            raise error


ANYBODY = Asker(None, frozenset({ALL}))  # where no token is required
NOBODY = Asker(None, frozenset())


class _Known(NamedTuple):
    digest: str
    client: Client
    until: float  # seconds since 1970
    asker: Asker


class Guard:
    """One object a process. Clients are replaced as a whole when the table of tokens changes."""

    def __init__(
        self,
        *,
        required: bool,
        local: str | None = None,
        limits: Limits = DEFAULT,
        meters: Meters | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`local`: the secret of this workspace's own commands, which may ask everything."""
        self._most_bytes = limits.body_bytes
        self.required = required
        self._local = local
        self._meters = meters or Meters()
        self._clock = clock  # seconds since 1970
        self._clients: Mapping[str, Client] | None = None
        self._known: dict[str, _Known] = {}
        self._without = NOBODY if required else ANYBODY
        self.replace({})

    def replace(self, clients: Mapping[str, Client]) -> None:
        """From now on these count, by the SHA-256 of their secrets."""
        if clients == self._clients:  # most changes of the store concern something else
            return
        self._clients = clients
        known = {digest: self._entry(digest, client) for digest, client in clients.items()}
        if self._local is not None:
            digest = sha256(self._local.encode()).hexdigest()
            known[digest] = self._entry(digest, Client(name=OWN, endpoints=frozenset({ALL})))
        self._known = known

    def admit(self, head: Head) -> Asker:
        """Who asks. Raises an error with status 401, 403 or 429 for those who may not."""
        path, sent = head.path, head.headers.get("authorization")
        if path in OPEN:
            return self._looker(sent)
        if not self.required and (sent or "")[:7].lower() != "bearer ":
            return ANYBODY  # what a proxy in front asks for, such as a password, is not ours to judge
        if sent is None:
            raise _unknown("a token is required here", "send Authorization: Bearer SECRET")
        asker = self._asker(sent)
        if path.startswith(_PREDICT):
            asker.check(path[len(_PREDICT) :])
        elif path.startswith(_MODELS):
            asker.check(path[len(_MODELS) :].partition("/")[0])
        elif path in FOR_ALL:
            asker.check_all()
        elif not asker.knows:
            raise _outside(asker.name, "this server: it is for no endpoint here")
        # a body that is larger than any is refused unread, and costs no more than the largest
        asker.begin(min(int(head.headers.get("content-length") or 0), self._most_bytes))
        return asker

    def _looker(self, sent: str | None) -> Asker:
        """Who looks at the health: nobody is refused."""
        try:
            return self._without if sent is None or not self.required else self._asker(sent)
        except QuarterdeckError:
            return NOBODY

    def _asker(self, sent: str) -> Asker:
        kind, _, secret = sent.partition(" ")
        if kind.lower() != "bearer":
            raise _unknown("expected a token of the kind Bearer", "send Authorization: Bearer SECRET")
        digest = sha256(secret.strip().encode(errors="replace")).hexdigest()
        found = self._known.get(digest)
        if found is None or not compare_digest(found.digest, digest):
            raise _unknown("the token is not known here", "`quarterdeck token list` shows those that are", invalid=True)
        if found.client.revoked or self._clock() >= found.until:
            raise _over(found)
        return found.asker

    def _entry(self, digest: str, client: Client) -> _Known:
        until = math.inf if client.until is None else client.until.timestamp()
        meter = self._meters.of(client.name, client.rates)
        return _Known(digest, client, until, Asker(client.name, client.endpoints, meter))


def _over(known: _Known) -> QuarterdeckError:
    """Why a token that is known counts no more: only who has its secret gets to hear it."""
    client = known.client
    if client.revoked:
        return _unknown(f"the token {client.name} is revoked", "ask an admin for another one", invalid=True)
    ended = f"{datetime.fromtimestamp(known.until, UTC):%Y-%m-%d %H:%M:%SZ}"
    if client.replaced:
        message = f"this secret of the token {client.name} was replaced and expired at {ended}"
        return _unknown(message, "use the new secret", invalid=True)
    hint = f"an admin gives it a new secret: `quarterdeck token rotate {client.name} --days N`"
    return _unknown(f"the token {client.name} expired at {ended}", hint, invalid=True)


def _unknown(message: str, hint: str, *, invalid: bool = False) -> QuarterdeckError:
    error = http_error(401, message, hint)
    details = f', error="invalid_token", error_description="{message}"' if invalid else ""
    error.http_headers = (("www-authenticate", _REALM + details),)
    return error


def _outside(name: str | None, what: str) -> QuarterdeckError:
    error = http_error(403, f"the token {name} is not for {what}", "an admin makes one: `quarterdeck token create`")
    error.http_headers = (("www-authenticate", _REALM + ', error="insufficient_scope"'),)
    return error
