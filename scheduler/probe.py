"""Loads and queries a model where it will run, in a process of its own with a limit on time and memory.

A model that hangs, eats memory or crashes costs that process alone: what comes back is a report that says so.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.probe import Limits, ProbeReport
from quarterdeck.core.values import Engine

MODULE = "quarterdeck.scheduler.probe_child"
MB = 1_000_000
LOOK_S = 0.02  # between two looks at the process
LATENCY_S = 30.0  # to query it for latency, once it has answered: a child asks for half a second, or 30 queries
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """The version as the server would load it: by digest, from where artifacts are kept.

    `rows` are the reference rows to ask about: values in the signature's order, as JSON has them.
    """

    artifacts: str  # a folder or a URL
    model: str
    artifact: str
    onnx: str | None
    engine: Engine
    signature: Signature
    rows: tuple[tuple[Any, ...], ...]


def probe(served: Served, *, limits: Limits, interpreter: str | None = None) -> ProbeReport:
    """Load and query it with a Python (None: this one). NotFoundError where that cannot be started at all."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-probe-") as name:
        folder = Path(name)
        order = folder / "order.json"
        order.write_text(json.dumps(_order(served, limits)), encoding="utf-8")
        errors = folder / "errors.txt"
        with errors.open("wb") as stderr:
            process = _start(interpreter or sys.executable, order, stderr)
        try:
            said, problem, peak = _watch(process, limits)
        finally:
            _end(process)
        if problem is not None:
            return ProbeReport(problem=problem, memory_mb=peak)
        last = next((line for line in said if "problem" in line), None)
        return ProbeReport(problem=_exit_in_words(process.returncode, errors)) if last is None else _report(last)


def _order(served: Served, limits: Limits) -> dict[str, Any]:
    return {
        "artifacts": served.artifacts,
        "model": served.model,
        "artifact": served.artifact,
        "onnx": served.onnx,
        "engine": served.engine.value,
        "signature": served.signature.to_json(),
        "rows": served.rows,
        "memory_mb": limits.memory_mb,
        "seconds": limits.seconds + LATENCY_S,
    }


def _start(interpreter: str, order: Path, stderr: Any) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603  # a list, no shell; the interpreter is the manifest's, which is code
            [interpreter, "-P", "-m", MODULE, str(order)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=os.environ | _ONE_THREAD,
            start_new_session=True,
        )
    except OSError as error:
        raise NotFoundError(
            f"the target's Python cannot be started: {error.strerror}",
            where=interpreter,
            hint="correct `interpreter` of the gate target_compatible",
        ) from error


def _watch(process: subprocess.Popen[bytes], limits: Limits) -> tuple[list[dict[str, Any]], str | None, float]:
    """What it said, line by line; why it had to be stopped, if it had; the most memory that it was seen with."""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    text, stages, since, peak = b"", 0, time.monotonic(), 0.0
    looked_at = psutil.Process(process.pid)
    while True:
        ended = looked_at.status() == psutil.STATUS_ZOMBIE  # not reaped yet: its number is nobody else's
        text += process.stdout.read() or b""
        said = _lines(text)
        if ended or any("problem" in line for line in said):
            return said, None, peak
        if len(said) > stages:
            stages, since = len(said), time.monotonic()
        used = looked_at.memory_info().rss / MB
        peak = max(peak, used)
        problem = _too_slow(stages, time.monotonic() - since, limits)
        if used > limits.memory_mb:
            problem = f"it took {used:.0f} MB, above {limits.memory_mb:g}, and was stopped"
        if problem is not None:
            return said, problem, peak
        time.sleep(LOOK_S)


def _too_slow(stages: int, elapsed: float, limits: Limits) -> str | None:
    """By what it has said: nothing, that it began with the model, or that the model has answered."""
    if stages == 0 and elapsed > limits.start_seconds:
        return f"the target's Python had not loaded its libraries after {limits.start_seconds:g} s"
    if stages == 1 and elapsed > limits.seconds:
        return f"it had not answered after {limits.seconds:g} s, and was stopped"
    if stages > 1 and elapsed > LATENCY_S:
        return f"it answers so slowly that its latency was not measured within {LATENCY_S:g} s"
    return None


def _lines(text: bytes) -> list[dict[str, Any]]:
    """The whole lines that are JSON objects; an interpreter that is none of ours may say anything."""
    found = []
    for line in text.split(b"\n")[:-1]:
        with suppress(ValueError):
            value = json.loads(line)
            if isinstance(value, dict):
                found.append(value)
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """Whatever it did, nothing of it is left: its session, it and what it may have started, is killed."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _exit_in_words(code: int, errors: Path) -> str:
    lines = [line for line in errors.read_text(errors="replace").splitlines() if line.strip()]
    said = f": {lines[-1].strip()[:500]}" if lines else ""
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit {code}"
    return f"the process that loaded it {how}{said}"


def _report(line: Mapping[str, Any]) -> ProbeReport:
    try:
        return ProbeReport.from_json(line)
    except (KeyError, TypeError, ValueError) as error:
        return ProbeReport(problem=f"the target's Python answered what is no report: {error!r}")
