"""What the monitor found about one model's windows, for commands and the report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.drift.error_stream import DriftPoint, drift_points
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.operations import Window
from quarterdeck.core.toml_table import expected_names
from quarterdeck.store import registry, windows
from quarterdeck.store.engine import Database
from quarterdeck.store.error_stream import errors_of
from quarterdeck.store.traffic import moment

LOOKED_AT = 500  # windows
LABELS = 20_000  # of the error stream; a second of computing


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorDrift:
    """A point at which a version's errors rose, by the event time of the prediction whose label showed it."""

    method: str
    at: datetime
    label: int  # which label of the stream it was, the first is 1
    before: float  # mean errors
    after: float


def known_model(tx: Connection, model: str) -> None:
    """NotFoundError where there is no such model."""
    known = registry.models(tx)
    if model not in known:
        raise NotFoundError(f"there is no model {model!r}", hint=expected_names(model, known))


def judged_window(tx: Connection, model: str, version: int | None, at: datetime | None) -> Window | None:
    """The last window that was judged, or the one that holds a time; None where there is none."""
    known_model(tx, model)
    if at is None:
        found = [window for window in windows.last(tx, model, version=version, limit=LOOKED_AT) if window.drift]
        return found[-1] if found else None
    held = windows.holding(tx, model, at, version=version)
    judged = [window for window in held if window.drift] or held
    if not judged:
        known = windows.last(tx, model, version=version, limit=1)
        hint = f"the newest begins at {known[0].start:%Y-%m-%d %H:%M} UTC" if known else "it has none yet"
        raise NotFoundError(f"no window of {model} holds {at:%Y-%m-%d %H:%M} UTC", hint=hint)
    return max(judged, key=lambda window: window.rows)


def error_drift(tx: Connection, traffic: Database, model: str, number: int) -> list[ErrorDrift]:
    """Where the errors of a version rose, among its newest labels."""
    version = registry.get(tx, model, number)
    with traffic.read() as log:
        stream = errors_of(log, model, number, version.signature.task, limit=LABELS)
    found: list[DriftPoint] = drift_points([item.error for item in stream])
    return [
        ErrorDrift(
            method=point.method,
            at=moment(stream[point.index].event_at),
            label=point.index + 1,
            before=point.before,
            after=point.after,
        )
        for point in found
    ]


def farness(item: dict[str, Any]) -> tuple[bool, float]:
    """Orders a window's kept drift results, the farthest first: the drifted, and among them by PSI."""
    far = item.get("psi", item["value"])
    return not item["drifted"], -(-1.0 if far is None else far)
