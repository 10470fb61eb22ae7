"""What a batch of the prediction log adds to the windows' counts, in the transaction that appends its rows.

The rows are gathered by version and window of event time, and counted before the transaction begins, from the values
that the model was asked; in the transaction the sums are read, added to and written. A killed server has either left a
row and its count, or neither. What cannot be counted here is left to the daemon, and its rows say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import numpy as np
from sqlalchemy import Connection

from quarterdeck.core.counting import Counter
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.profile import Counts, merge
from quarterdeck.core.values import CLIENT_ARMS
from quarterdeck.core.widths import Widths
from quarterdeck.scheduler.serving.entry import Entry
from quarterdeck.scheduler.serving.protocols import encode
from quarterdeck.scheduler.serving.reader import as_object
from quarterdeck.store import traffic_windows
from quarterdeck.store.plans import NOBODY
from quarterdeck.store.traffic_windows import WindowKey

_decode = msgspec.json.Decoder().decode

COUNTED, LEFT = 1, 0  # what a row says
WRONG = (QuarterdeckError, ValueError, KeyError, TypeError, OverflowError)


class _Group(NamedTuple):
    """Rows of one version, and which of the batch's answers they are."""

    counter: Counter
    members: list[int]


class _Part(NamedTuple):
    """What falls into one window."""

    key: WindowKey
    end: int
    rows: int
    fresh: Counts | None


class Counted(NamedTuple):
    """What a batch adds; `marks` has COUNTED or LEFT for each of its entries, `events` their rows' times."""

    events: list[list[int]]
    marks: list[int]
    groups: list[tuple[list[int], list[_Part]]]  # entries' places, and what they add
    widths: Mapping[str, Widths]
    first: Mapping[str, int]  # widths of endpoints that had none yet
    problem: str | None = None  # why some are left

    def leave(self, members: list[int], why: str) -> Counted:
        for place in members:
            self.marks[place] = LEFT
        return self._replace(problem=why)


class Tally:
    """One object a process. count() and add() run in the log's writer thread, one after the other."""

    def __init__(self) -> None:
        self.windows: Mapping[str, int | None] = {}  # as the traffic plan says; written by whoever reads it
        self._widths: Mapping[str, Widths] = {}

    def count(self, batch: Sequence[Entry]) -> Counted:
        """A batch, by what is known of the windows' widths; nothing is written."""
        planned = self.windows
        marks, first = [COUNTED] * len(batch), {}
        groups: dict[tuple[str, int], _Group] = {}
        for place, entry in enumerate(batch):
            width = planned.get(entry.endpoint, NOBODY)
            if entry.arm not in CLIENT_ARMS or width == NOBODY:
                continue
            if width is None or entry.counter is None:
                marks[place] = LEFT
                continue
            if entry.endpoint not in self._widths:
                first[entry.endpoint] = width
            group = groups.setdefault((entry.endpoint, entry.version), _Group(entry.counter, []))
            group.members.append(place)
        widths = {**{name: Widths.of(width) for name, width in first.items()}, **self._widths}
        return _counted(Counted([entry.events() for entry in batch], marks, [], widths, first), groups, batch)

    def add(self, tx: Connection, batch: Sequence[Entry], counted: Counted, at: int) -> Counted:
        """Add what was counted to the windows; gives what holds, which is another where the widths have changed."""
        if not counted.groups:
            return counted
        traffic_windows.begin_widths(tx, counted.first)
        widths = traffic_windows.read_widths(tx)
        if any(widths.get(name) != counted.widths[name] for name in _endpoints(counted)):
            self._widths = widths
            counted = self.count(batch)
            traffic_windows.begin_widths(tx, counted.first)
        self._widths = counted.widths
        changed = traffic_windows.next_change(tx)
        for members, parts in counted.groups:
            try:
                sums = [_sum(traffic_windows.kept_counts(tx, part.key), part.fresh) for part in parts]
            except WRONG as error:
                why = f"the counts of {parts[0].key.model}@{parts[0].key.version} cannot be added to: {error}"
                counted = counted.leave(members, why)
                continue
            for part, text in zip(parts, sums, strict=True):
                traffic_windows.put_counts(tx, part.key, part.end, rows=part.rows, counts=text, changed=changed, at=at)
        return counted


def _endpoints(counted: Counted) -> set[str]:
    return {part.key.model for _, parts in counted.groups for part in parts}


def _counted(counted: Counted, groups: Mapping[tuple[str, int], _Group], batch: Sequence[Entry]) -> Counted:
    """With the counts of these groups."""
    for (endpoint, version), group in groups.items():
        events = [counted.events[place] for place in group.members]
        entries = [batch[place] for place in group.members]
        try:
            parts = _parts(endpoint, version, group.counter, entries, events, counted.widths[endpoint])
            counted.groups.append((group.members, parts))
        except WRONG as error:
            why = f"answers of {endpoint}@{version} do not fit its profile: {error}"
            counted = counted.leave(group.members, why)
    return counted


def _parts(
    endpoint: str,
    version: int,
    counter: Counter,
    entries: Sequence[Entry],
    times: Sequence[Sequence[int]],
    widths: Widths,
) -> list[_Part]:
    """The rows of one version by window, counted."""
    events = np.fromiter(chain.from_iterable(times), dtype=np.int64)
    rows = list(chain.from_iterable(_values(entry, counter) for entry in entries))
    scores = list(chain.from_iterable(map(Entry.scores, entries)))
    classes = _classes(entries)
    start, end = widths.window(int(events.min()))
    if events.max() < end:  # nearly always
        return [_Part(WindowKey(endpoint, version, start), end, len(rows), counter.count(rows, scores, classes))]
    order = np.argsort(events, kind="stable")
    events = events[order]
    parts, begin = [], 0
    while begin < len(order):
        start, end = widths.window(int(events[begin]))
        stop = int(events.searchsorted(end))
        some = order[begin:stop].tolist()
        theirs = None if classes is None else [classes[place] for place in some]
        fresh = counter.count([rows[place] for place in some], [scores[place] for place in some], theirs)
        parts.append(_Part(WindowKey(endpoint, version, start), end, len(some), fresh))
        begin = stop
    return parts


def _classes(entries: Sequence[Entry]) -> list[Any] | None:
    """The model's classes; None where it gives numbers."""
    found = [entry.classes() for entry in entries]
    return None if any(part is None for part in found) else [name for part in found for name in part or ()]


def _values(entry: Entry, counter: Counter) -> Sequence[Sequence[Any]]:
    if entry.values is not None:
        return entry.values
    return [[row.get(name) for name in counter.names] for row in map(as_object, entry.rows or ())]


def _sum(kept: str, fresh: Counts | None) -> str:
    """A window's counts with new ones. Raises RefusedError where those are of other bins."""
    if fresh is None:
        return kept
    if kept:
        fresh = merge(Counts.from_json(_decode(kept)), fresh)
    return encode(fresh.to_json()).decode()
