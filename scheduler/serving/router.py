"""Which model answers an endpoint: one table, replaced as a whole when the traffic plan changes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import NamedTuple

from quarterdeck.core.errors import NotFoundError, UnavailableError, UsageError
from quarterdeck.core.models.signature import Signature
from quarterdeck.scheduler.serving.canary import Canary
from quarterdeck.scheduler.serving.live import LiveModel
from quarterdeck.scheduler.serving.reader import WideReader
from quarterdeck.scheduler.serving.shadow import Shadow
from quarterdeck.scheduler.serving.split import Split


class Route(NamedTuple):
    """An endpoint now. `planned` is the champion's number in the plan; `champion` may still be the one before.

    `canary` and `split` are there together: where the challenger answers a share of the requests.
    """

    name: str
    signature: Signature
    planned: int | None
    champion: LiveModel | None
    challenger: LiveModel | None = None
    shadow: Shadow | None = None
    canary: Canary | None = None
    split: Split | None = None
    wide: WideReader | None = None  # reads the requests where the challenger has fields of its own


class Router:
    """Read and replaced in the loop only."""

    def __init__(self) -> None:
        self.routes: Mapping[str, Route] = {}
        self.loaded: Mapping[str, Mapping[int, LiveModel]] = {}  # by number: what can be asked for by it

    def route(self, name: str) -> Route:
        """Raises NotFoundError that names the nearest endpoint."""
        found = self.routes.get(name)
        if found is not None:
            return found
        near = difflib.get_close_matches(name[:100], self.routes, n=3)
        known = ", ".join(near or sorted(self.routes)[:10])
        hint = f"{'did you mean' if near else 'the endpoints are'} {known}" if known else "no model is registered yet"
        raise NotFoundError(f"there is no endpoint {name[:100]!r}", hint=hint)

    def champion(self, route: Route) -> LiveModel:
        """Raises UnavailableError where nobody can answer."""
        if route.champion is not None:
            return route.champion
        if route.planned is None:
            hint = f"`quarterdeck model promote {route.name}@VERSION`"
            raise UnavailableError(f"{route.name} has no champion in this environment", hint=hint)
        hint = "ask again in a moment; /readyz says what is wrong if it lasts"
        raise UnavailableError(f"{route.name}@{route.planned} is not loaded", hint=hint)

    def version(self, route: Route, text: str) -> LiveModel:
        """The version of this number. UsageError for what is no number, NotFoundError where it is not loaded."""
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        if not number:
            raise UsageError(f"version={text[:40]!r} is no version's number", hint="such as ?version=3")
        loaded = self.loaded.get(route.name, {})
        found = loaded.get(number)
        if found is None:
            known = ", ".join(map(str, sorted(loaded)))
            hint = f"loaded are {known or 'none'}: champion, challenger, and those that may be next"
            raise NotFoundError(f"{route.name}@{number} is not loaded", hint=hint)
        return found

    def signature(self, name: str) -> Signature | None:
        found = self.routes.get(name)
        return None if found is None else found.signature
