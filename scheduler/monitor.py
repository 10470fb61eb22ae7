"""The monitor: keeps what each window of event time shows.

The server counts the rows into their windows, and the daemon what the server left (counting.py). What a window shows
(drift, metrics, latency) is made from the counts and labels alone and can be made again at any time: whenever the
window has changed, however late, and whatever happened to the daemon meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from quarterdeck.core.field_checks import LATEST
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.operations import Window
from quarterdeck.core.profile import Counts, Profile
from quarterdeck.core.widths import EARLIEST
from quarterdeck.scheduler.counting import BATCH, Counting, Profiles
from quarterdeck.scheduler.judging import Judged, judge_labels, judge_window, usual_volume
from quarterdeck.scheduler.performing import Performing
from quarterdeck.scheduler.state import State
from quarterdeck.store import registry, traffic_queries, traffic_windows, windows
from quarterdeck.store.traffic import micros, moment
from quarterdeck.store.traffic_queries import SEEN
from quarterdeck.store.traffic_windows import WindowKey

NEVER = datetime.min.replace(tzinfo=UTC)
OPEN_WINDOWS_EVERY = timedelta(seconds=2)
AT_ONCE = 200  # changed windows a tick judges: it stays short, and the rest follows in the next


class Monitor:
    """Follows the prediction log and the labels. A model without a manifest is passed over."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._profiles = Profiles(state)
        self._counting = Counting(state, self._profiles)
        self._closed_to: dict[str, int] = {}
        self._judged_at: dict[WindowKey, datetime] = {}
        self._postponed: set[WindowKey] = set()
        self._performing = Performing(state)

    def tick(self, manifests: Mapping[str, Manifest], now: datetime) -> set[str]:
        """Judge the windows that have changed, or that event time has passed; gives their models."""
        self._counting.tick(manifests, now)
        self._take_labels(manifests, now)
        closed = self._newly_closed(manifests, now)
        with self._state.traffic.read() as tx:
            before = traffic_queries.cursor(tx, SEEN)
            changed, seen = traffic_windows.changed_after(tx, before, limit=AT_ONCE)
        touched = {key for key in (*changed, *closed, *self._postponed) if key.model in manifests}
        due = self._due(touched, now)
        self._postponed = touched - due
        for key in sorted(due):
            self._judge(key, manifests[key.model], now)
            self._judged_at[key] = now
        if seen != before:  # not before it is judged: a daemon that dies meanwhile leaves it to the next
            with self._state.traffic.write() as tx:
                traffic_queries.set_cursor(tx, SEEN, seen)
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

    def _take_labels(self, manifests: Mapping[str, Manifest], now: datetime) -> None:
        """Windows for which labels came since the last look have changed too."""
        with self._state.traffic.read() as tx:
            rows = traffic_queries.labelled_after(tx, traffic_queries.cursor(tx, "labelled"), limit=BATCH)
        if not rows:
            return
        widths = self._counting.widths
        keys = {
            WindowKey(row.endpoint, row.version, widths[row.endpoint].window(row.event_at)[0])
            for row in rows
            if row.endpoint in manifests
        }
        with self._state.traffic.write() as tx:
            traffic_windows.touch(tx, keys, micros(now))
            traffic_queries.set_cursor(tx, "labelled", rows[-1].seq)

    def _newly_closed(self, manifests: Mapping[str, Manifest], now: datetime) -> set[WindowKey]:
        """Windows that event time has passed since the last look, or while there was no daemon.

        A window that begins after `now` says nothing of how far event time has come: rows may be about what is to be,
        and a client's clock may be wrong.
        """
        closed: set[WindowKey] = set()
        for model in manifests:
            with self._state.traffic.read() as tx:
                current = traffic_queries.newest_window(tx, model, until=micros(now))
                before = self._closed_to.get(model)
                if current is None or current == before:
                    continue
                starts = traffic_queries.window_keys(tx, model, since=before or EARLIEST)
            self._closed_to[model] = current
            found = {WindowKey(model, version, start) for version, start in starts if start < current}
            closed |= found if before is not None else found - self._known_closed(model)
        return closed

    def _known_closed(self, model: str) -> set[WindowKey]:
        """The windows that were closed when they were last judged."""
        with self._state.database.read() as tx:
            return {WindowKey(model, version, micros(start)) for version, start in windows.closed(tx, model)}

    def _judge(self, key: WindowKey, manifest: Manifest, now: datetime) -> None:
        """Make a window's row anew from counts, labels and latencies."""
        with self._state.traffic.read() as tx:
            end = traffic_windows.window_end(tx, key) or self._counting.widths[key.model].window(key.start)[1]
            rows, counts = traffic_queries.counted(tx, key.model, key.version, key.start)
            labelled = traffic_queries.scored_labels(tx, key.model, key.version, key.start, end)
            latency = traffic_queries.latencies(tx, key.model, key.version, key.start, end)
        if end >= micros(LATEST):  # of a server that did not refuse such times yet: no calendar goes so far
            return
        with self._state.database.read() as tx:
            version = registry.get(tx, key.model, key.version)
            before = windows.find(tx, key.model, key.version, moment(key.start))
            closed = key.start < self._closed_to.get(key.model, 0)
            usual = usual_volume(tx, key.model, moment(key.start)) if closed else None
        if before is not None and rows < before.rows:
            return  # its counts were taken out as too old: what was found while they were there stays
        profile = self._profile(key.model, key.version)
        judged = Judged()
        if profile is not None and counts and rows >= manifest.monitoring.minimum_rows:
            judged = judge_window(
                profile,
                Counts.from_json(json.loads(counts)),
                manifest,
                labels=[json.loads(row.label) for row in labelled],
                rows=rows if usual is not None else None,
                usual=usual,
                before=before,
            )
        window = Window(
            model=key.model,
            version=key.version,
            start=moment(key.start),
            end=moment(end),
            closed=closed,
            rows=rows,
            labelled=len(labelled),
            drifted=judged.drifted,
            drift=judged.drift,
            quality=judged.quality,
            dataset_drift=judged.dataset_drift,
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
        return self._profiles.of(model, version)
