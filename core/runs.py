"""A run of a pipeline and its steps, as values, and the one table of how a run's status may change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quarterdeck.core.errors import ConflictError
from quarterdeck.core.values import RunStatus, StepStatus

TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.CANCELLED, RunStatus.FAILED}),
    # back to the queue: its worker died, and it goes on from the last finished step
    RunStatus.RUNNING: frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.QUEUED}),
    RunStatus.FAILED: frozenset({RunStatus.QUEUED}),  # `run resume`
    RunStatus.CANCELLED: frozenset({RunStatus.QUEUED}),
    RunStatus.SUCCEEDED: frozenset(),
}

MAX_ATTEMPTS = 3  # a run whose worker died this often is failed, not tried again


def transition(run_id: int, status: RunStatus, to: RunStatus) -> RunStatus:
    """The new status; ConflictError where the table does not allow it."""
    if to not in TRANSITIONS[status]:
        raise ConflictError(
            f"run {run_id} is {status} and cannot become {to}", hint=f"see `quarterdeck run show {run_id}`"
        )
    return to


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run. `cause` says what asked for it: kind, trigger, firing and alert where there are any."""

    id: int
    pipeline: str
    status: RunStatus
    requested_by: str
    requested_at: datetime
    cause: dict[str, Any]
    attempt: int
    worker_pid: int | None
    worker_started: float | None
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested: bool
    progress: float
    message: str
    error: str | None
    provenance: dict[str, Any]
    version: int | None
    worker_place: str | None = None  # where its worker's pid means something; None: on this machine
    worker_seen: float | None = None  # when the worker last said that it lives, on the store's clock


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRun:
    """One step of a run."""

    run_id: int
    name: str
    position: int
    uses: str
    inputs: tuple[str, ...]
    status: StepStatus
    attempt: int
    started_at: datetime | None
    finished_at: datetime | None
    progress: float
    message: str
    error: str | None
    cache_key: str | None
    result: str | None
