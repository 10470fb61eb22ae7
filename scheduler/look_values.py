"""What a look comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """There is something to fire for. `place` is where the trigger has come to if it fires."""

    message: str
    evidence: dict[str, Any]
    place: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """`place`: where the trigger has come to if it does not fire; None before its first look is done."""

    place: dict[str, Any] | None
    finding: Finding | None = None
    problem: str | None = None  # what keeps it from ever firing
