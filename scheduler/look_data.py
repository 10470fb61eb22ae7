"""A trigger on new data: what is there against what the last training took in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.new_data import Entry, fresh, new_data
from quarterdeck.core.operations import Trigger
from quarterdeck.scheduler.look_files import look
from quarterdeck.scheduler.look_values import Finding, Settled
from quarterdeck.store import runs

Entries = dict[str, Entry]


class DataLook:
    """What is there at the first look is not new. A training that began since a file was there has it."""

    def __init__(self, trigger: Trigger, spec: TriggerSpec, root: Path) -> None:
        self._trigger = trigger
        self._spec = spec
        self._root = root
        self._before: Entries = {}
        self._looks = 0
        self._since: dict[tuple[Any, ...], datetime] = {}  # when a file was first seen as it is

    def see(self, place: dict[str, Any] | None) -> Entries:
        there, still = look(self._spec, self._root, _files(self._known(place)), self._before)
        self._before = there
        self._looks += 1
        return still

    def settle(self, tx: Connection, seen: Entries, place: dict[str, Any] | None, now: datetime) -> Settled:
        if self._looks < 2:
            return Settled(place=place)
        place = self._known(place)
        if place is None:
            return Settled(place=self._place(seen))
        known = _files(place)
        known = {name: entry for name, entry in known.items() if name in self._before}
        known |= self._trained(tx, known, seen, now)
        found = new_data(self._spec, known, seen)
        finding = None
        if found is not None:
            evidence = found.to_json(self._spec.source or "")
            finding = Finding(message=found.message, evidence=evidence, place=self._place(known | seen))
        return Settled(place=self._place(known), finding=finding)

    def _known(self, place: dict[str, Any] | None) -> dict[str, Any] | None:
        """The place, if it is one of this source and has what this trigger asks for."""
        return place if place is not None and {**place, "files": None} == {**self._place({}), "files": None} else None

    def _place(self, entries: Entries) -> dict[str, Any]:
        files = {name: entries[name].to_json() for name in sorted(entries)}
        asked = {"source": self._spec.source, "rows": self._spec.rows is not None, "content": self._spec.content}
        return {**asked, "files": files}

    def _trained(self, tx: Connection, known: Entries, seen: Entries, now: datetime) -> Entries:
        """The new files that a training has taken in which something else started."""
        names = fresh(known, seen)
        keys = {name: (name, *seen[name].stamp) for name in names}
        self._since = {key: self._since.get(key, now) for key in keys.values()}
        last = runs.last_started(tx, self._trigger.pipeline) if names else None
        if last is None or last.started_at is None:
            return {}
        return {name: seen[name] for name in names if self._since[keys[name]] <= last.started_at}


def _files(place: dict[str, Any] | None) -> Entries:
    return {} if place is None else {name: Entry.from_json(values) for name, values in place["files"].items()}
