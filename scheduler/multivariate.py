"""Has all columns of a closed window compared together, where its pipeline asks for it: one process at a time.

The methods look at rows, not at counts, and take seconds: neither the daemon's tick nor the server waits for them. What
is found is added to the window's row; a daemon that died in between finds the window without it and asks again.
"""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any

from quarterdeck.core.drift.dataset import not_measured
from quarterdeck.core.drift_spec import Multivariate
from quarterdeck.core.manifest import Manifest
from quarterdeck.core.operations import Window
from quarterdeck.core.profile_values import NUMBERS
from quarterdeck.core.registry import Version
from quarterdeck.scheduler.processes import ask_aside
from quarterdeck.scheduler.state import State
from quarterdeck.scheduler.training_rows import split_hashes
from quarterdeck.store import registry, windows
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.traffic import micros
from quarterdeck.store.traffic_sample import sample_inputs

log = logging.getLogger(__name__)

LIMIT_S = 120
PATIENCE = timedelta(seconds=LIMIT_S + 5)  # the child stops itself; this is for one that cannot
WINDOW_ROWS = 2_000
LOOKED_AT = 20  # newest windows; what is older has been passed over
LOOK_EVERY = timedelta(seconds=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Running:
    window: Window
    methods: tuple[Multivariate, ...]
    rows: int
    child: subprocess.Popen[bytes]
    answer: IO[bytes]
    since: datetime


class MultivariateRuns:
    """At most one comparing process at a time, the newest window first."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._place = str(state.settings.artifacts_url or state.workspace.artifacts)
        self._running: _Running | None = None
        self._looked_at: datetime | None = None

    @property
    def busy(self) -> bool:
        return self._running is not None

    def tick(self, manifests: Mapping[str, Manifest], now: datetime) -> None:
        """Take what has been found, and start the next."""
        self._poll(now)
        asking = {name: m.monitoring.drift.multivariate for name, m in manifests.items()}
        waiting = self._looked_at is not None and now - self._looked_at < LOOK_EVERY
        if self._running is not None or waiting or not any(asking.values()):
            return
        self._looked_at = now
        found = next(self._due(asking), None)
        if found is not None:
            self._start(*found, now)

    def close(self) -> None:
        """End what is still running; nobody waits for it any more."""
        if self._running is not None:
            self._running.child.kill()
            self._running.child.wait()
            self._running.answer.close()
            self._running = None

    def _due(self, asking: Mapping[str, tuple[Multivariate, ...]]) -> Iterator[tuple[Window, tuple[Multivariate, ...]]]:
        """Closed and judged windows that lack what their pipeline asks for."""
        for model, methods in asking.items():
            if not methods:
                continue
            with self._state.database.read() as tx:
                found = windows.last(tx, model, limit=LOOKED_AT)
            for window in reversed(found):
                have = {item["method"] for item in window.dataset_drift.get("multivariate") or ()}
                if window.closed and window.drift and not {method.value for method in methods} <= have:
                    yield window, methods

    def _start(self, window: Window, methods: tuple[Multivariate, ...], now: datetime) -> None:
        with self._state.database.read() as tx:
            version = registry.get(tx, window.model, window.version)
        start, end = micros(window.start), micros(window.end)
        with self._state.traffic.read() as tx:
            rows = sample_inputs(tx, window.model, window.version, start, end, most=WINDOW_ROWS)
        sha256 = self._training_frame(version)
        if sha256 is None or not rows:
            problem = (
                "the store has no training rows of the version" if rows else "its answers are no longer in the log"
            )
            self._keep(window, [not_measured(method.value, problem, len(rows)).to_json() for method in methods])
            return
        request = _request(version, self._place, sha256, methods, rows)
        log_file = self._state.workspace.logs / "multivariate.log"
        child, answer = ask_aside("quarterdeck.scheduler.multivariate_child", request, log=log_file)
        self._running = _Running(
            window=window, methods=methods, rows=len(rows), child=child, answer=answer, since=now
        )  # fmt: skip

    def _training_frame(self, version: Version) -> str | None:
        if version.run_id is None:
            return None
        return split_hashes(self._state, ArtifactStore(self._place), version.run_id).get("train")

    def _poll(self, now: datetime) -> None:
        """Take the answer of a process that has ended, and end one that takes too long."""
        running = self._running
        if running is None:
            return
        code = running.child.poll()
        if code is None and now - running.since <= PATIENCE:
            return
        if code is None:
            running.child.kill()
            code = running.child.wait()
        with running.answer as answer:
            answer.seek(0)
            found = _read(running, code, answer.read())
        self._running = None
        self._keep(running.window, found)

    def _keep(self, window: Window, found: list[dict[str, Any]]) -> None:
        with self._state.database.write() as tx:
            current = windows.find(tx, window.model, window.version, window.start)
            if current is not None and current.dataset_drift:
                kept = current.dataset_drift | {"multivariate": found}
                windows.set_dataset_drift(tx, window.model, window.version, window.start, kept)


def _request(
    version: Version, place: str, sha256: str, methods: Sequence[Multivariate], rows: list[dict[str, Any]]
) -> dict[str, Any]:
    fields = version.signature.fields
    return {
        "place": place,
        "sha256": sha256,
        "names": [field.name for field in fields],
        "numbers": [field.name for field in fields if field.kind in NUMBERS],
        "methods": [method.value for method in methods],
        "rows": rows,
        "limit_s": LIMIT_S,
    }


def _read(running: _Running, code: int, text: bytes) -> list[dict[str, Any]]:
    """What was found, or for each method the reason why nothing was."""
    try:
        if code == 0:
            return list(json.loads(text)["multivariate"])
        ended = f"by signal {-code}, after {LIMIT_S} s at most" if code < 0 else f"with exit {code}"
        problem = f"its process ended {ended}; see multivariate.log"
    except (ValueError, KeyError, TypeError) as error:
        problem = f"its answer cannot be read: {error}"
    log.warning("multivariate drift of %s: %s", running.window.model, problem)
    return [not_measured(method.value, problem, running.rows).to_json() for method in running.methods]
