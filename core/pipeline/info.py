"""What a step may know about the pipeline it runs in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quarterdeck.core.values import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineInfo:
    """Handed to a step's keyword-only parameter `pipeline`."""

    name: str
    task: Task
    target: str
    entity: str | None
    time: str | None
    seed: int
    workspace: Path  # relative sources are read from here
