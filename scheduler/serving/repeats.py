"""Keys that an object of a JSON body has twice: which of the two was meant, nobody can say, so they are refused.

Decoders keep the last and say nothing. Counting colons is a hundred times cheaper than looking: one stands after every
key, so a body with as many of them as the keys that were decoded has no key twice. Where strings hold colons too, the
body is counted again without them, and where that cannot be told either, it is read once more by a decoder that looks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from quarterdeck.core.errors import InputError, UsageError


def surely_once(body: bytes, keys: int, strings: Callable[[], Iterable[Any]]) -> bool:
    """Whether each of the `keys` that were decoded stands there once; False: look. `strings` that were decoded."""
    colons = body.count(b":")
    if colons <= keys:
        return True
    if b"\\" in body:
        return False
    for text in strings():
        if text.__class__ is str:
            keys += text.count(":")
    return colons <= keys


def look(body: bytes) -> None:
    """Raises InputError that names the first key that is there twice in one object. The body is JSON."""
    try:
        json.loads(body.decode(), object_pairs_hook=_pairs, parse_int=len, parse_float=len)
    except RecursionError:
        raise UsageError("the JSON is nested too deeply", hint="a row is an object of plain values") from None


def refuse_repeats(body: bytes, data: Any) -> None:
    """Raises InputError where an object has a key twice; `data` is what was decoded from the body."""
    rows = _objects(data)
    keys = sum(map(len, rows)) + (1 if rows and data.__class__ is dict and rows[0] is not data else 0)
    if not surely_once(body, keys, lambda: _strings(rows)):
        look(body)


def _objects(data: Any) -> list[dict[str, Any]]:
    """The rows of an ordinary body; deeper objects are left to look()."""
    if data.__class__ is dict:
        inner = data.get("rows") if len(data) == 1 else None
        if inner.__class__ is not list:
            return [data]
        data = inner
    return [row for row in data if row.__class__ is dict] if data.__class__ is list else []


def _strings(rows: list[dict[str, Any]]) -> Iterable[Any]:
    for row in rows:
        yield from row
        yield from row.values()


def _pairs(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            where = f"field {name[:100]!r}"
            raise InputError("the field is there twice in one object", where=where, hint="send each field once")
        seen.add(name)
