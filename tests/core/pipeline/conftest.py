"""Ports that keep what they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.pipeline.ports import Made
from quarterdeck.core.values import Task
from quarterdeck.store.artifacts import ArtifactStore
from quarterdeck.store.codecs import decode, put_value


class Memory:
    """A ResultStore on a folder, with its cache in memory."""

    def __init__(self, folder: Path) -> None:
        self.artifacts = ArtifactStore(folder)
        self.kept: dict[str, str] = {}

    def save(self, step: str, value: Any) -> str:
        return put_value(self.artifacts, value, step=step).sha256

    def load(self, sha256: str) -> Any:
        return decode(self.artifacts.get(sha256), self.artifacts.get)

    def find_cached(self, key: str) -> str | None:
        return self.kept.get(key)

    def remember(self, key: str, sha256: str) -> None:
        self.kept[key] = sha256


class Diary:
    """A Recorder that writes everything down, and from which thread it came."""

    def __init__(self) -> None:
        self.entries: list[tuple[Any, ...]] = []
        self.made: dict[str, Made] = {}
        self.errors: list[QuarterdeckError] = []
        self.traces: list[str] = []
        self.threads: set[int] = set()

    def _note(self, *entry: Any) -> None:
        self.threads.add(threading.get_ident())
        self.entries.append(entry)

    def step_started(self, step: str, *, attempt: int) -> None:
        self._note("started", step, attempt)

    def step_progress(self, step: str, fraction: float, message: str) -> None:
        self._note("progress", step, fraction, message)

    def step_finished(self, step: str, made: Made) -> None:
        self.made[step] = made
        self._note("finished", step)

    def step_cached(self, step: str, made: Made) -> None:
        self.made[step] = made
        self._note("cached", step)

    def step_failed(self, step: str, error: QuarterdeckError, *, trace: str, retry_in: float | None) -> None:
        self.errors.append(error)
        self.traces.append(trace)
        self._note("failed", step, retry_in)

    def step_skipped(self, step: str, *, needs: str) -> None:
        self._note("skipped", step, needs)

    def named(self, what: str) -> list[str]:
        return [entry[1] for entry in self.entries if entry[0] == what]


@pytest.fixture
def results(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "artifacts")


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def info(tmp_path: Path) -> Callable[..., PipelineInfo]:
    def make(task: Task = Task.BINARY, **others: Any) -> PipelineInfo:
        given: Mapping[str, Any] = {
            **{"name": "trips", "task": task, "target": "y", "entity": "trip", "time": "at"},
            **{"seed": 7, "workspace": tmp_path, **others},
        }
        return PipelineInfo(**given)

    return make
