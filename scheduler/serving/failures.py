"""Answers that a version could not give, summed up until the prediction log's writer takes them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from quarterdeck.core.values import Arm
from quarterdeck.store.traffic import FailureRecord

MOST_SUMS = 4_096  # while the database cannot be written; after that the time of a failure is not kept apart
EVERY_US = 1_000_000  # failures of one kind within it are one row
_ANY_TIME = -1


class FailureKind(StrEnum):
    """Why a version gave no answer."""

    FAILED = "failed"  # it raised, or what it gave is no answer to these rows
    SLOW = "slow"  # not within the limit
    FIELDS = "fields"  # the request lacks what this version needs, and the champion does not
    NOT_LOADED = "not loaded"  # it cannot be loaded


class _Key(NamedTuple):
    endpoint: str
    version: int
    arm: Arm
    kind: FailureKind
    second: int


class Failures:
    """Belongs to the loop. Bounded, and counts all."""

    def __init__(self) -> None:
        self._sums: dict[_Key, FailureRecord] = {}

    def __bool__(self) -> bool:
        return bool(self._sums)

    def add(self, endpoint: str, version: int, arm: Arm, kind: FailureKind, *, rows: int, at: int) -> None:
        """Count rows that a version could not answer; `at` in microseconds since 1970."""
        key = _Key(endpoint, version, arm, kind, at // EVERY_US)
        if key not in self._sums and len(self._sums) >= MOST_SUMS:
            key = key._replace(second=_ANY_TIME)
        known = self._sums.get(key)
        if known is not None:
            known["count"] += rows
        else:
            self._sums[key] = FailureRecord(
                endpoint=endpoint, version=version, arm=arm.value, at=at, kind=kind.value, count=rows
            )

    def take(self) -> list[FailureRecord]:
        """All of them, to be written."""
        taken, self._sums = self._sums, {}
        return list(taken.values())

    def put_back(self, records: list[FailureRecord]) -> None:
        """They could not be written."""
        for record in records:
            arm, kind = Arm(record["arm"]), FailureKind(record["kind"])
            self.add(record["endpoint"], record["version"], arm, kind, rows=record["count"], at=record["at"])
