"""The whole document, made again when the table of routes was replaced, and the page."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from quarterdeck.scheduler.serving.guard import Asker
from quarterdeck.scheduler.serving.http import Reply
from quarterdeck.scheduler.serving.openapi import plain, tensors
from quarterdeck.scheduler.serving.protocols import encode
from quarterdeck.scheduler.serving.router import Router

HTML = [
    ("content-type", "text/html; charset=utf-8"),
    # the page needs nothing of other servers, and must not be made to ask them
    (
        "content-security-policy",
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'",
    ),
]


class Documents:
    """One object a process, in the loop."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._made: tuple[object, bytes] | None = None

    def document(self, asker: Asker, *, token_required: bool) -> Reply:
        """Of the endpoints that the one who asks may ask: what the others are called is not theirs to know."""
        if not asker.knows_all:
            return Reply(200, encode(build(self._router, may=asker.may, token_required=token_required)))
        routes = self._router.routes
        if self._made is None or self._made[0] is not routes:
            self._made = (routes, encode(build(self._router, token_required=token_required)))
        return Reply(200, self._made[1])

    def page(self) -> Reply:
        return Reply(200, _page(), HTML)


def build(
    router: Router, *, may: Callable[[str], bool] = lambda _: True, token_required: bool = False
) -> dict[str, Any]:
    """OpenAPI 3.1 of what is live now, of the endpoints that `may` lets pass."""
    paths = {**plain.pages(), "/feedback": plain.feedback(), **tensors.server_paths()}
    schemas = {"error": plain.ERROR, "v2_error": tensors.ERROR}
    for name, route in sorted((name, route) for name, route in router.routes.items() if may(name)):
        paths[f"/predict/{name}"] = plain.predict(route)
        schemas[f"row_of_{name}"] = plain.row_of(route)
        paths |= tensors.model_paths(route, router.loaded.get(name, {}))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Quarterdeck",
            "version": metadata.version("quarterdeck"),
            "description": "Predictions of the models that are live, and labels for them.",
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}] if token_required else [{}, {"token": []}],
    }


@cache
def _page() -> bytes:
    return Path(__file__).with_name("page.html").read_bytes()
