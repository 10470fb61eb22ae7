"""One attempt at one step: inputs loaded, the function called, its result kept. Runs in a thread of its own.

This is the one place where anything that a user's code raises is caught.
"""

from __future__ import annotations

import copy
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quarterdeck.core.errors import QuarterdeckError, StepError, UnavailableError
from quarterdeck.core.pipeline.cache import is_component
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.pipeline.loading import PREFIX
from quarterdeck.core.pipeline.ports import ResultStore

Report = Callable[[float, str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What is needed to run one step."""

    step: str
    function: Callable[..., Any]
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]  # parameter -> SHA-256
    injected: frozenset[str]
    key: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Succeeded:
    """An attempt that ended with a result, which is kept."""

    step: str
    result: str  # SHA-256
    metrics: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """An attempt that ended with an error, and whether another one may go better."""

    step: str
    error: QuarterdeckError
    trace: str
    may_retry: bool


def attempt(job: Job, results: ResultStore, info: PipelineInfo, report: Report) -> Succeeded | Failed:
    """Runs a step once. Never raises."""
    started = time.monotonic()
    try:
        value = _call(job, results, info, report)
        kept = results.save(job.step, value)
    except (Exception, SystemExit) as error:  # a user's code may raise anything
        return Failed(
            step=job.step,
            error=step_error(job, error),
            trace="".join(traceback.format_exception(error)),
            # what our own rules refuse, they refuse again; a place that was out of reach may be back
            may_retry=isinstance(error, UnavailableError) or not isinstance(error, QuarterdeckError),
        )
    seconds = time.monotonic() - started
    return Succeeded(step=job.step, result=kept, metrics=metrics_in(value), seconds=seconds)


def metrics_in(value: Any) -> dict[str, float]:
    """The numbers of a result {"metrics": {name: number}}; nothing of any other."""
    found = value.get("metrics") if isinstance(value, dict) else None
    if not isinstance(found, dict):
        return {}
    return {
        str(name): float(number)
        for name, number in found.items()
        if isinstance(number, int | float) and not isinstance(number, bool)
    }


def step_error(job: Job, error: BaseException) -> QuarterdeckError:
    """What a step raised, with the step and the last line of the user's code that led there."""
    place = _users_line(job, error)
    where = f"step {job.step}" + (f", {place}" if place else "")
    made: QuarterdeckError
    if isinstance(error, QuarterdeckError):
        inner = error.where if error.where != f"step {job.step}" else None
        made = type(error)(error.message, where=f"{where}, {inner}" if inner else where, hint=error.hint)
    else:
        last = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
        made = StepError(last, where=where, hint="the whole traceback is in the run's log")
    made.__cause__ = error
    return made


def _call(job: Job, results: ResultStore, info: PipelineInfo, report: Report) -> Any:
    arguments = {parameter: results.load(sha256) for parameter, sha256 in job.inputs.items()}
    arguments |= copy.deepcopy(dict(job.settings))  # a step may change what it is given
    if "pipeline" in job.injected:
        arguments["pipeline"] = info
    if "report" in job.injected:
        arguments["report"] = report
    return job.function(**arguments)


def _users_line(job: Job, error: BaseException) -> str | None:
    """`file.py:12`, the deepest frame in the user's folder; None for a component or where there is none."""
    if is_component(job.function):
        return None
    code = getattr(job.function, "__code__", None)
    own = Path(code.co_filename) if code is not None else None
    top = job.function.__module__.partition(".")[0]
    lines = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if own is not None
        and (Path(frame.filename) == own or (top.startswith(PREFIX) and own.parent in Path(frame.filename).parents))
    ]
    return lines[-1] if lines else None
