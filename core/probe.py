"""What a process found that loaded and queried a model as it will be served. scheduler/probe.py starts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from quarterdeck.core.gate_kinds import MEMORY_MB, SECONDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What the process may take. `start_seconds`: until it has loaded the libraries and begins with the model."""

    memory_mb: float = MEMORY_MB  # units of 1,000,000 bytes, resident, of the whole process
    seconds: float = SECONDS  # to load the model and answer its reference rows
    start_seconds: float = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeReport:
    """`problem` says why the model could not be loaded and queried: it hung, took too much memory, crashed, refused.

    Then all that the process did not come to is None or empty. `memory_mb` is the greatest resident size of the
    process, `seconds` the time to load the model and answer the reference rows. `latencies_ms`: of single rows, one
    query each. `labels` and `scores` answer the reference rows.
    """

    problem: str | None = None
    python: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    opset: int | None = None  # of ONNX's own operators
    memory_mb: float | None = None
    seconds: float | None = None
    latencies_ms: tuple[float, ...] = ()
    labels: tuple[str | int, ...] | None = None
    scores: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ProbeReport:
        """Raises KeyError, TypeError or ValueError on what a process of ours does not write."""
        labels = data["labels"]
        return cls(
            problem=data["problem"],
            python=data["python"],
            packages=dict(data["packages"]),
            opset=data["opset"],
            memory_mb=data["memory_mb"],
            seconds=data["seconds"],
            latencies_ms=tuple(float(item) for item in data["latencies_ms"]),
            labels=None if labels is None else tuple(labels),
            scores=tuple(float(item) for item in data["scores"]),
        )
