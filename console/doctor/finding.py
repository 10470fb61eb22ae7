"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    OK = "OK"
    WARN = "WARN"  # it works, and somebody should know
    FAIL = "FAIL"  # something does not work


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A check's name, how it stands, what was seen, and what to do where it is not well."""

    check: str
    health: Health
    seen: str
    do: str | None = None


def ok(check: str, seen: str) -> Finding:
    return Finding(check=check, health=Health.OK, seen=seen)


def warn(check: str, seen: str, do: str) -> Finding:
    return Finding(check=check, health=Health.WARN, seen=seen, do=do)


def fail(check: str, seen: str, do: str) -> Finding:
    return Finding(check=check, health=Health.FAIL, seen=seen, do=do)
