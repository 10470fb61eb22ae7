"""The whole document, made again when the table of routes was replaced, and the page."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

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

    def document(self) -> Reply:
        routes = self._router.routes
        if self._made is None or self._made[0] is not routes:
            self._made = (routes, encode(build(self._router)))
        return Reply(200, self._made[1])

    def page(self) -> Reply:
        return Reply(200, _page(), HTML)


def build(router: Router) -> dict[str, Any]:
    """OpenAPI 3.1 of what is live now."""
    paths = {**plain.pages(), "/feedback": plain.feedback(), **tensors.server_paths()}
    schemas = {"error": plain.ERROR, "v2_error": tensors.ERROR}
    for name, route in sorted(router.routes.items()):
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
        "components": {"schemas": schemas},
    }


@cache
def _page() -> bytes:
    return Path(__file__).with_name("page.html").read_bytes()
