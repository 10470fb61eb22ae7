"""A client of the prediction server: which endpoints its token is for, and how much it may ask a second.

Loads without any library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from quarterdeck.core.errors import UsageError

ALL = "*"  # as an endpoint: every one
GREATEST_RATE = 10**12


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """The most a second; None is without a limit."""

    requests: int | None = None
    rows: int | None = None
    bytes: int | None = None  # of bodies

    def __post_init__(self) -> None:
        for name, rate in asdict(self).items():
            if rate is not None and not 1 <= rate <= GREATEST_RATE:
                raise UsageError(f"{rate} {name} a second", hint=f"a rate is a number from 1 to {GREATEST_RATE:,}")

    def set(self) -> dict[str, int]:
        """Those that are limited."""
        return {name: rate for name, rate in asdict(self).items() if rate is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """A secret's meaning to the server. One that counts no more is told why, so it is known too."""

    name: str
    endpoints: frozenset[str]
    rates: Rates = Rates()
    until: datetime | None = None  # UTC; for the secret before a rotation, how long it counts beside the new one
    revoked: bool = False
    replaced: bool = False  # the secret is the one before a rotation

    def is_valid(self, now: datetime) -> bool:
        """Whether it may ask for anything at all."""
        return not self.revoked and bool(self.endpoints) and (self.until is None or now < self.until)


def checked_endpoints(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The endpoints of a new token, each once. UsageError for one that no model bears: it may be misspelt."""
    unknown = [name for name in names if name != ALL and name not in known]
    if unknown:
        listed = ", ".join(known[:10]) or "none yet"
        raise UsageError(
            f"there is no endpoint {unknown[0]!r}", hint=f"there are {listed}; '*' is all, also later ones"
        )
    return (ALL,) if ALL in names else tuple(dict.fromkeys(names))
