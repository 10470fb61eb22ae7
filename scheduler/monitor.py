"""The monitor: counts every answered row into its window of event time, and keeps what each window shows.

Counts and the reader's place in the log are one transaction, so a row is counted once however the daemon ends. What
a window shows (drift, metrics, latency) is made from the counts and labels alone and can be made again at any time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.operations import Window
from quarterdeck.core.profile import Counts, Profile, count, merge
from quarterdeck.scheduler.judging import judge_drift, judge_labels
from quarterdeck.scheduler.performing import Performing
from quarterdeck.scheduler.state import State
from quarterdeck.store import registry, traffic_queries, windows
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.traffic import moment

log = logging.getLogger(__name__)

NEVER = datetime.min.replace(tzinfo=UTC)
OPEN_WINDOWS_EVERY = timedelta(seconds=2)
BATCH = 5_000  # rows of the log a tick reads at most: a tick stays short, and the rest follows in the next


@dataclass(frozen=True, slots=True, order=True)
class WindowKey:
    """One window of one version; `start` in microseconds."""

    model: str
    version: int
    start: int


class Monitor:
    """Follows the prediction log and the labels. A model without a manifest is passed over."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._artifacts = ArtifactStore(state.workspace.artifacts)
        self._profiles: dict[tuple[str, int], Profile | None] = {}
        self._closed_to: dict[str, int] = {}
        self._judged_at: dict[WindowKey, datetime] = {}
        self._postponed: set[WindowKey] = set()
        self._started = False
        self._performing = Performing(state)

    def tick(self, manifests: Mapping[str, Manifest], now: datetime) -> set[str]:
        """Count what is new; gives the models for which a window changed."""
        touched = self._count(manifests) | self._newly_labelled(manifests)
        touched |= self._newly_closed(manifests)
        if not self._started:  # what a daemon that died had counted but not judged
            touched |= self._every_window(manifests)
            self._started = True
        due = self._due(touched | self._postponed, now)
        self._postponed = (touched | self._postponed) - due
        for key in sorted(due):
            self._judge(key, manifests[key.model], now)
            self._judged_at[key] = now
        return {key.model for key in due} | self._performing.tick(manifests, now)

    def close(self) -> None:
        """End what is measured aside."""
        self._performing.close()

    def _due(self, keys: set[WindowKey], now: datetime) -> set[WindowKey]:
        """Closed windows at once, for triggers look at them; open ones, which change all the time, now and then."""
        return {
            key
            for key in keys
            if key.start < self._closed_to.get(key.model, 0)
            or now - self._judged_at.get(key, NEVER) >= OPEN_WINDOWS_EVERY
        }

    def _count(self, manifests: Mapping[str, Manifest]) -> set[WindowKey]:
        with self._state.traffic.read() as tx:
            place = traffic_queries.cursor(tx, "counted")
            rows = traffic_queries.predictions_after(tx, place, limit=BATCH)
            beyond = traffic_queries.next_place(tx, place, rows, limit=BATCH)
        if beyond == place:
            return set()
        groups: dict[WindowKey, list[Any]] = {}
        for row in rows:
            if row.endpoint in manifests:
                start = window_start(row.event_at, manifests[row.endpoint].monitoring.window)
                groups.setdefault(WindowKey(row.endpoint, row.version, start), []).append(row)
        counted = {key: self._counts(key, members) for key, members in groups.items()}
        with self._state.traffic.write() as tx:
            for key, fresh in counted.items():
                self._add(tx, key, fresh, len(groups[key]))
            traffic_queries.set_cursor(tx, "counted", beyond)
        return set(groups)

    def _counts(self, key: WindowKey, rows: list[Any]) -> Counts | None:
        profile = self._profile(key.model, key.version)
        if profile is None:
            return None
        inputs = [json.loads(row.inputs) for row in rows]
        columns: dict[str, list[Any]] = {name: [item.get(name) for item in inputs] for name in profile.names}
        return count(profile, columns, scores=[row.score for row in rows])

    def _add(self, tx: Any, key: WindowKey, fresh: Counts | None, rows: int) -> None:
        kept = traffic_queries.counts_of(tx, key.model, key.version, key.start)
        merged = fresh
        if kept is not None and fresh is not None and kept != "":
            merged = merge(Counts.from_json(json.loads(kept)), fresh)
        text = "" if merged is None else json.dumps(merged.to_json())
        traffic_queries.add_counts(tx, key.model, key.version, key.start, rows=rows, counts=text)

    def _newly_labelled(self, manifests: Mapping[str, Manifest]) -> set[WindowKey]:
        """Windows for which labels came since the last look."""
        with self._state.traffic.read() as tx:
            rows = traffic_queries.labelled_after(tx, traffic_queries.cursor(tx, "labelled"), limit=BATCH)
        if not rows:
            return set()
        with self._state.traffic.write() as tx:
            traffic_queries.set_cursor(tx, "labelled", rows[-1].seq)
        return {
            WindowKey(
                row.endpoint,
                row.version,
                window_start(row.event_at, manifests[row.endpoint].monitoring.window),
            )
            for row in rows
            if row.endpoint in manifests
        }

    def _newly_closed(self, manifests: Mapping[str, Manifest]) -> set[WindowKey]:
        """Windows that event time has passed since the last look."""
        closed: set[WindowKey] = set()
        for model, manifest in manifests.items():
            with self._state.traffic.read() as tx:
                mark = traffic_queries.newest_window(tx, model)
                if mark is None:
                    continue
                current = window_start(mark, manifest.monitoring.window)
                before = self._closed_to.get(model)
                self._closed_to[model] = current
                if before is not None and current > before:
                    starts = traffic_queries.window_keys(tx, model, since=before)
                    closed |= {WindowKey(model, version, start) for version, start in starts if start < current}
        return closed

    def _every_window(self, manifests: Mapping[str, Manifest]) -> set[WindowKey]:
        with self._state.traffic.read() as tx:
            return {
                WindowKey(model, version, start)
                for model in manifests
                for version, start in traffic_queries.window_keys(tx, model, since=0)
            }

    def _judge(self, key: WindowKey, manifest: Manifest, now: datetime) -> None:
        """Make a window's row anew from counts, labels and latencies."""
        end = key.start + manifest.monitoring.window // timedelta(microseconds=1)
        with self._state.traffic.read() as tx:
            rows, counts = traffic_queries.counted(tx, key.model, key.version, key.start)
            labelled = traffic_queries.scored_labels(tx, key.model, key.version, key.start, end)
            latency = traffic_queries.latencies(tx, key.model, key.version, key.start, end)
        with self._state.database.read() as tx:
            version = registry.get(tx, key.model, key.version)
            before = windows.find(tx, key.model, key.version, moment(key.start))
        profile = self._profile(key.model, key.version)
        drift = []
        if profile is not None and counts and rows >= manifest.monitoring.minimum_rows:
            drift = judge_drift(profile, Counts.from_json(json.loads(counts)), manifest)
        window = Window(
            model=key.model,
            version=key.version,
            start=moment(key.start),
            end=moment(end),
            closed=key.start < self._closed_to.get(key.model, 0),
            rows=rows,
            labelled=len(labelled),
            drifted=sum(result.drifted for result in drift) if drift else None,
            drift=[result.to_json() for result in drift],
            metrics=judge_labels(version.signature, labelled),
            p50_ms=latency.p50_ms,
            p99_ms=latency.p99_ms,
            updated_at=now,
        )
        window = replace(window, performance=self._performing.judge(window, version, manifest, before, now))
        if latency.requests < rows and before is not None and before.labelled >= len(labelled):
            # retention has taken answers out: what was found while they were there stays
            window = replace(
                window, labelled=before.labelled, metrics=before.metrics, p50_ms=before.p50_ms, p99_ms=before.p99_ms
            )
        with self._state.database.write() as tx:
            windows.put(tx, window)

    def _profile(self, model: str, version: int) -> Profile | None:
        """The version's reference profile, kept; None if it has none or it cannot be read."""
        key = (model, version)
        if key not in self._profiles:
            self._profiles[key] = self._load_profile(model, version)
        return self._profiles[key]

    def _load_profile(self, model: str, version: int) -> Profile | None:
        try:
            with self._state.database.read() as tx:
                sha256 = registry.get(tx, model, version).profile
            return None if sha256 is None else Profile.from_json(json.loads(self._artifacts.get(sha256)))
        except QuarterdeckError as error:
            log.error("the profile of %s@%s cannot be used: %s", model, version, error)
            return None


def window_start(event_at: int, width: timedelta) -> int:
    """The start of the window that holds a time, both in microseconds; windows are aligned to 1970 UTC."""
    step = width // timedelta(microseconds=1)
    return event_at - event_at % step
