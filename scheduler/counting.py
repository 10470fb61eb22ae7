"""The daemon's part in counting: how wide windows are, and the rows that the server left.

The server counts what it answers (serving/tally.py). It leaves what it cannot count: rows of before it knew how wide
the windows are, of a version whose profile it could not read, and those that a server of an earlier release wrote.
Counts and the mark that they are there are one transaction, so a row is counted once however the daemon ends.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.profile import Counts, Profile, count, merge
from quarterdeck.core.widths import Widths
from quarterdeck.scheduler.state import State
from quarterdeck.store import registry, traffic_windows
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.traffic import micros, moment
from quarterdeck.store.traffic_windows import WindowKey

log = logging.getLogger(__name__)

BATCH = 5_000  # rows of the log a tick counts at most: a tick stays short, and the rest follows in the next


class Profiles:
    """The versions' reference profiles, kept; None for a version that has none, or whose cannot be read."""

    def __init__(self, state: State) -> None:
        self._database = state.database
        self._artifacts = ArtifactStore(state.settings.artifacts_url or state.workspace.artifacts)
        self._kept: dict[tuple[str, int], Profile | None] = {}

    def of(self, model: str, version: int) -> Profile | None:
        key = (model, version)
        if key not in self._kept:
            self._kept[key] = self._load(model, version)
        return self._kept[key]

    def _load(self, model: str, version: int) -> Profile | None:
        try:
            with self._database.read() as tx:
                sha256 = registry.get(tx, model, version).profile
            return None if sha256 is None else Profile.from_json(json.loads(self._artifacts.get(sha256)))
        except (QuarterdeckError, ValueError, KeyError, TypeError) as error:
            log.error("the profile of %s@%s cannot be used: %s", model, version, error)
            return None


class Counting:
    """One object a daemon. Nothing of it need outlive the process."""

    def __init__(self, state: State, profiles: Profiles) -> None:
        self._traffic = state.traffic
        self._profiles = profiles
        self.widths: dict[str, Widths] = {}  # of every model that was ever watched

    def tick(self, manifests: Mapping[str, Manifest], now: datetime) -> None:
        """Say how wide windows are, where a manifest says something new; count what the server left."""
        self._widen(manifests, now)
        self._count(manifests, now)

    def _widen(self, manifests: Mapping[str, Manifest], now: datetime) -> None:
        wanted = {name: _us(manifest.monitoring.window) for name, manifest in manifests.items()}
        with self._traffic.read() as tx:
            self.widths = traffic_windows.read_widths(tx)
        changed = {name: us for name, us in wanted.items() if name not in self.widths or self.widths[name].width != us}
        if not changed:
            return
        with self._traffic.write() as tx:
            for name, us in changed.items():
                self.widths[name] = after = traffic_windows.change_width(tx, name, us, now=micros(now))
                since = after.steps[-1][0]
                log.info("windows of %s: %s wide%s", name, timedelta(microseconds=us), _from(since, after))

    def _count(self, manifests: Mapping[str, Manifest], now: datetime) -> None:
        with self._traffic.read() as tx:
            found = traffic_windows.left(tx, limit=BATCH)
        if found.nothing:
            return
        groups: dict[WindowKey, list[Any]] = {}
        for row in found.rows:
            if row.endpoint in manifests:  # a model without a manifest is passed over
                start, _ = self.widths[row.endpoint].window(row.event_at)
                groups.setdefault(WindowKey(row.endpoint, row.version, start), []).append(row)
        counted = {key: self._counts(key, rows) for key, rows in groups.items()}
        with self._traffic.write() as tx:
            changed = traffic_windows.next_change(tx) if counted else 0
            for key, fresh in counted.items():
                _, end = self.widths[key.model].window(key.start)
                text = _added(traffic_windows.kept_counts(tx, key), fresh, key)
                rows = len(groups[key])
                traffic_windows.put_counts(tx, key, end, rows=rows, counts=text, changed=changed, at=micros(now))
            traffic_windows.settle_left(tx, found)

    def _counts(self, key: WindowKey, rows: Sequence[Any]) -> Counts | None:
        profile = self._profiles.of(key.model, key.version)
        if profile is None:
            return None
        inputs = [json.loads(row.inputs) for row in rows]
        columns: dict[str, list[Any]] = {name: [item.get(name) for item in inputs] for name in profile.names}
        try:
            answers = [json.loads(row.answer) for row in rows] if profile.answer is not None else None
            return count(profile, columns, scores=[row.score for row in rows], answers=answers)
        except QuarterdeckError as error:
            log.error("answers of %s@%s do not fit its profile: %s", key.model, key.version, error)
            return None


def _added(kept: str, fresh: Counts | None, key: WindowKey) -> str:
    """A window's counts with new ones. Where the two cannot be put together, what is there stays."""
    if fresh is None or not kept:
        return kept if fresh is None else json.dumps(fresh.to_json())
    try:
        return json.dumps(merge(Counts.from_json(json.loads(kept)), fresh).to_json())
    except (QuarterdeckError, ValueError, KeyError, TypeError) as error:
        log.error("new counts of %s@%s do not fit those of its window: %s", key.model, key.version, error)
        return kept


def _us(width: timedelta) -> int:
    return width // timedelta(microseconds=1)


def _from(since: int, widths: Widths) -> str:
    if len(widths.steps) == 1:
        return ""
    return f" from {moment(since):%F %T} on, by the time of the event"
