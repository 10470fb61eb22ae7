"""What a request's first line asks for: the path and the query of an address, in any of the forms of RFC 9112.

A path is decoded segment by segment, after it was split: an encoded slash is no slash, and stays written `%2F`.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from quarterdeck.scheduler.serving.http import http_error

_ABSOLUTE = re.compile(r"https?://([^/?]*)(.*)", re.IGNORECASE)
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")


def read_target(method: str, target: bytes) -> tuple[str, str]:
    """The path, decoded, and the query, as it was sent. Raises an error with status 400 or 405."""
    if method == "CONNECT":
        raise http_error(405, "CONNECT is not answered here", "this is no proxy")
    if not target.isascii() or b"#" in target:
        raise http_error(400, f"{target[:100]!r} is no address", "encode what is not ASCII, and send no fragment")
    text = target.decode("ascii")
    if text == "*":
        if method != "OPTIONS":
            raise http_error(400, f"{method} asks for no address", "name a path, such as /healthz")
        return text, ""
    path, _, query = (text if text.startswith("/") else _without_host(text)).partition("?")
    return (_decoded(path) if "%" in path else path), query


def _without_host(text: str) -> str:
    """The path and query of a whole address, as proxies are sent it: which host was meant is not asked here."""
    found = _ABSOLUTE.fullmatch(text)
    if found is None or not found[1] or "@" in found[1]:
        raise http_error(400, f"{text[:100]!r} is no address of this server", "name a path, such as /healthz")
    return found[2] if found[2].startswith("/") else f"/{found[2]}"


def _decoded(path: str) -> str:
    if _BROKEN.search(path):
        raise http_error(400, f"{path[:100]!r} is no address", "after % stand two hexadecimal digits")
    try:
        return "/".join(unquote_to_bytes(part).decode().replace("/", "%2F") for part in path.split("/"))
    except UnicodeDecodeError:
        raise http_error(400, f"{path[:100]!r} is not UTF-8 once it is decoded", "encode it as UTF-8") from None
