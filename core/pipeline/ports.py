"""What a run needs from outside: where it tells how it goes, and where results are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from quarterdeck.core.errors import QuarterdeckError


class Recorder(Protocol):
    """Told how the run goes, always from the thread that called `run_graph`."""

    def step_started(self, step: str, *, attempt: int) -> None:
        """`attempt` counts from 1."""

    def step_progress(self, step: str, fraction: float, message: str) -> None:
        """`fraction` between 0 and 1; at most about ten times a second for each step."""

    def step_finished(self, step: str, made: Made) -> None: ...

    def step_cached(self, step: str, made: Made) -> None:
        """The kept result of the same code, settings, inputs and packages was taken."""

    def step_failed(self, step: str, error: QuarterdeckError, *, trace: str, retry_in: float | None) -> None:
        """`trace` is the whole traceback; `retry_in` the seconds until the next attempt, None if there is
        none.
        """

    def step_skipped(self, step: str, *, needs: str) -> None:
        """It did not run because `needs`, which it needs directly or through others, failed."""


class ResultStore(Protocol):
    """Keeps results by the SHA-256 of their bytes. Asked from several threads at once."""

    def save(self, step: str, value: Any) -> str:
        """Keeps a result; StepError where it is of a type, or holds numbers, that cannot be kept."""

    def load(self, sha256: str) -> Any:
        """A result anew: what one step does to it, another does not see. IntegrityError for other bytes."""

    def find_cached(self, key: str) -> str | None:
        """The result that a step with this cache key made, if it is still there."""

    def remember(self, key: str, sha256: str) -> None:
        """From now on `find_cached(key)` gives this result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A step's result and where it came from."""

    result: str  # SHA-256
    key: str | None  # cache key; None for a step that may read what we cannot see
    inputs: Mapping[str, str]  # parameter -> SHA-256
    metrics: Mapping[str, float]  # what a result {"metrics": {name: number}} holds; from a cached step nothing
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOutcome:
    """A run that ended well: the result of every step by its name, and which were taken from the cache."""

    results: dict[str, str]
    cached: frozenset[str]
