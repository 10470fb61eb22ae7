"""How much the server takes of one request, and how long it waits for it: the settings of [server]."""

from __future__ import annotations

from typing import NamedTuple

from quarterdeck.core.settings import Settings


class Limits(NamedTuple):
    """The defaults are those of the settings; a test compares them."""

    body_bytes: int = 4 * 1024 * 1024
    body_rows: int = 10_000
    json_depth: int = 32
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    answer_seconds: float = 30.0
    connections: int = 4_096

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(*(getattr(settings, name) for name in cls._fields))


DEFAULT = Limits()
