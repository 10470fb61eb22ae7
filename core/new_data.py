"""What counts as new data: files that were not there, or are not what they were, and that nobody writes any more.

A place is the listing that the last training took in, or that the trigger found at its first look. A file counts once
two looks saw it alike. Pure rules, without any library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from quarterdeck.core.manifest import TriggerSpec

_SHOWN = 20  # names in the evidence
_PARTIAL = (".tmp", ".part", ".partial", ".crdownload")  # what is still being written is called


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One file. `time` is when it was changed, in seconds since 1970; `mark` an etag, where the store gives one."""

    size: int
    time: float | None = None
    mark: str = ""
    rows: int | None = None  # counted where the trigger asks for rows
    digest: str = ""  # SHA-256, where it tells files apart by their bytes

    @property
    def stamp(self) -> tuple[int, float | None, str]:
        return self.size, self.time, self.mark

    def to_json(self) -> list[Any]:
        return [self.size, self.time, self.mark, self.rows, self.digest]

    @classmethod
    def from_json(cls, values: list[Any]) -> Entry:
        size, time, mark, rows, digest = values
        return cls(size=size, time=time, mark=mark, rows=rows, digest=digest)


Listing = Mapping[str, Entry]


@dataclass(frozen=True, kw_only=True, slots=True)
class NewData:
    """The new files, and what they bring."""

    names: tuple[str, ...]
    rows: int | None
    newest: datetime | None

    @property
    def message(self) -> str:
        files = "1 new file" if len(self.names) == 1 else f"{len(self.names)} new files"
        return files if self.rows is None else f"{files} with {self.rows:,} new rows"

    def to_json(self, source: str) -> dict[str, Any]:
        return {
            "source": source,
            "count": len(self.names),
            "files": list(self.names[:_SHOWN]),
            "rows": self.rows,
            "newest": None if self.newest is None else self.newest.isoformat(),
        }


def is_whole(name: str) -> bool:
    """Whether a file's name does not say that it is hidden, or half written."""
    last = name.rstrip("/").rpartition("/")[2]
    return not last.startswith((".", "~")) and not last.endswith(_PARTIAL)


def steady(before: Listing, now: Listing) -> dict[str, Entry]:
    """The files that two looks saw alike."""
    return {name: entry for name, entry in now.items() if name in before and before[name].stamp == entry.stamp}


def fresh(known: Listing, found: Listing) -> list[str]:
    """The names, sorted, of files that are not known, or not like this."""
    return sorted(name for name, entry in found.items() if name not in known or _differs(known[name], entry))


def _differs(before: Entry, now: Entry) -> bool:
    if before.digest and now.digest:
        return before.digest != now.digest
    return before.stamp != now.stamp


def new_data(spec: TriggerSpec, known: Listing, found: Listing) -> NewData | None:
    """What a trigger fires for, or None. `found` are steady files, with rows and digests where it asks for them."""
    names = fresh(known, found)
    if not names:
        return None
    rows = sum(_rows_added(known.get(name), found[name]) for name in names) if spec.rows is not None else None
    newest = _newest({name: found[name] for name in names})
    enough = len(names) >= spec.files if spec.rows is None else (rows or 0) >= spec.rows
    if spec.fresher_by is not None:
        before = _newest(known)
        enough = enough and newest is not None
        enough = enough and (before is None or (newest or 0.0) - before >= spec.fresher_by.total_seconds())
    if not enough:
        return None
    at = None if newest is None else datetime.fromtimestamp(newest, UTC)
    return NewData(names=tuple(names), rows=rows, newest=at)


def _rows_added(before: Entry | None, now: Entry) -> int:
    """A file that grew brings what it grew by; one that was written anew with fewer brings all that it has."""
    had = 0 if before is None or before.rows is None else before.rows
    rows = now.rows or 0
    return rows - had if rows >= had else rows


def _newest(listing: Listing) -> float | None:
    return max((entry.time for entry in listing.values() if entry.time is not None), default=None)
