"""What a version is asked on the running server before clients get it: its expected inputs, and load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

P99_MS = 50.0
ERROR_RATE = 0.01
MOST_RATE = 20_000.0
MOST_CONNECTIONS = 512
MOST_PROCESSES = 16
MOST_ROWS = 1_000
LONGEST = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadSpec:
    """How an endpoint is driven, and the gate it has to pass. One of `rate` and `connections` is set.

    Open loop (`rate`): a request is due whether or not the ones before were answered, and its latency counts from
    then. Closed loop (`connections`): each connection asks again when it has its answer.
    """

    rate: float | None = None  # requests a second
    connections: int | None = None
    duration: timedelta = timedelta(seconds=10)  # after the ramp; only this is measured
    ramp: timedelta = timedelta(seconds=3)  # until all of the load is there
    rows: int = 1  # of a request
    processes: int = 2  # that send
    p99_ms: float | None = P99_MS
    error_rate: float | None = ERROR_RATE
    min_qps: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceSpec:
    """The `[rollout.service]` table."""

    test: bool = True
    load: LoadSpec | None = None


def load_of(data: Mapping[str, Any]) -> LoadSpec:
    """A LoadSpec from JSON values, durations in seconds."""
    lengths = {key: timedelta(seconds=data[key]) for key in ("duration", "ramp") if key in data}
    return LoadSpec(**(dict(data) | lengths))


def service_of(data: Mapping[str, Any]) -> ServiceSpec:
    """A ServiceSpec from JSON values."""
    load = data.get("load")
    return ServiceSpec(test=data.get("test", True), load=None if load is None else load_of(load))
