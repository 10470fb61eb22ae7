"""Runs a graph: each step when its inputs are there, two side by side, from the cache where nothing has
changed.

Steps run in threads, because their libraries leave Python's lock and because a process for each would cost
more than most steps. A thread cannot be stopped from outside: when a step overruns its timeout, or the run
is stopped, this returns by raising while that thread still runs. The process must then exit (os._exit); its
supervisor sees to that.

A result reaches the steps that take it by way of the store, as it would from the cache: a step cannot tell a
fresh input from a kept one, and cannot change another's.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from quarterdeck.core.durations import format_duration
from quarterdeck.core.errors import StepError
from quarterdeck.core.pipeline.attempt import Failed, Job, Succeeded, attempt
from quarterdeck.core.pipeline.cache import cache_key, is_component
from quarterdeck.core.pipeline.graph import Graph
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.pipeline.ports import Made, Recorder, ResultStore, RunOutcome
from quarterdeck.core.pipeline.randomness import SharedRandomState

log = logging.getLogger(__name__)

SIDE_BY_SIDE = 2
POLL = 0.1  # seconds between looks at timeouts and `cancelled`
LONGEST_WAIT = 60.0  # seconds between two attempts, at most


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures of a step: 1, 2, 4, up to a minute."""
    return float(min(2.0 ** (failures - 1), LONGEST_WAIT))


def run_graph(
    graph: Graph,
    functions: Mapping[str, Callable[..., Any]],
    *,
    info: PipelineInfo,
    recorder: Recorder,
    results: ResultStore,
    done: Mapping[str, str] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    wait_after: Callable[[int], float] = backoff,
) -> RunOutcome:
    """Runs every step; gives the SHA-256 of each result.

    `done` holds results of an earlier attempt at this run, which are taken as they are. Raises the error of
    the first step that failed for good (after what runs beside it has ended), StepError for one that overran
    its timeout, and KeyboardInterrupt as soon as `cancelled()` says so; after the latter two a thread may
    still be running.
    """
    run = _Run(graph, functions, info, recorder, results, wait_after)
    run.taken.update(done or {})
    return run.carry_out(cancelled)


@dataclass(slots=True)
class _Attempt:
    """A step under way."""

    job: Job
    number: int
    started: float
    told: float = 0.0  # when its progress was last passed on


@dataclass(slots=True)
class _Progress:
    step: str
    number: int
    fraction: float
    message: str


@dataclass(slots=True)
class _Run:
    """The state of one run; only the thread that called `run_graph` touches it."""

    graph: Graph
    functions: Mapping[str, Callable[..., Any]]
    info: PipelineInfo
    recorder: Recorder
    results: ResultStore
    wait_after: Callable[[int], float]
    taken: dict[str, str] = field(default_factory=dict)  # step -> result
    cached: set[str] = field(default_factory=set)
    running: dict[str, _Attempt] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)  # steps whose inputs are there, looked for in the cache
    failures: dict[str, int] = field(default_factory=dict)
    not_before: dict[str, float] = field(default_factory=dict)
    alone: set[str] = field(default_factory=set)  # steps that drew random numbers while another ran
    failed: Failed | None = None
    inbox: queue.SimpleQueue[_Progress | tuple[Succeeded | Failed, bool]] = field(default_factory=queue.SimpleQueue)
    chance: SharedRandomState = field(init=False)

    def __post_init__(self) -> None:
        self.chance = SharedRandomState(self.info.seed)

    def carry_out(self, cancelled: Callable[[], bool]) -> RunOutcome:
        while len(self.taken) < len(self.graph.order):
            if cancelled():
                raise KeyboardInterrupt
            if self.failed is None:
                self._start_what_can()
            elif not self.running:
                self._give_up(self.failed)
            if self.running or self.not_before:  # all the rest may have come from the cache
                self._hear()
                self._stop_overruns()
        return RunOutcome(results=dict(self.taken), cached=frozenset(self.cached))

    def _start_what_can(self) -> None:
        """A step taken from the cache may make others ready at once, hence the loop."""
        again = True
        while again:
            again = False
            for step in self.graph.ready(self.taken):
                if step in self.running or time.monotonic() < self.not_before.get(step, 0.0):
                    continue
                if self._from_cache(step):
                    again = True
                elif self._has_room(step):
                    self._start(step)

    def _has_room(self, step: str) -> bool:
        """Whether one more may run; the user's steps that draw random numbers run without another of the
        user's.
        """
        if len(self.running) >= SIDE_BY_SIDE:
            return False
        if is_component(self.functions[step]):
            return True
        others = {name for name in self.running if not is_component(self.functions[name])}
        return not others or not (step in self.alone or self.alone & others)

    def _job(self, step: str) -> Job:
        spec = self.graph.steps[step]
        inputs = {parameter: self.taken[source] for parameter, source in self.graph.inputs[step].items()}
        injected = self.graph.injected[step]
        function = self.functions[step]
        key = cache_key(function, spec.settings, inputs, self.info, takes_info="pipeline" in injected)
        return Job(step=step, function=function, settings=spec.settings, inputs=inputs, injected=injected, key=key)

    def _from_cache(self, step: str) -> bool:
        if step in self.jobs:
            return False  # looked for before; a key may take time to compute
        job = self.jobs[step] = self._job(step)
        kept = None if job.key is None else self.results.find_cached(job.key)
        if kept is None:
            return False
        self.taken[step] = kept
        self.cached.add(step)
        self.recorder.step_cached(step, Made(result=kept, key=job.key, inputs=job.inputs, metrics={}, seconds=0.0))
        return True

    def _start(self, step: str) -> None:
        job, number = self.jobs[step], self.failures.get(step, 0) + 1
        self.running[step] = _Attempt(job=job, number=number, started=time.monotonic())
        self.recorder.step_started(step, attempt=number)
        # a daemon thread, so that one that never ends does not keep Python from exiting
        threading.Thread(target=self._work, args=(job, number), name=f"step-{step}", daemon=True).start()

    def _work(self, job: Job, number: int) -> None:
        """In the step's thread: the only way back is the inbox."""
        draws = not is_component(job.function)
        if draws:
            self.chance.begin(job.step)
        ended = attempt(job, self.results, self.info, partial(self._report, job.step, number))
        self.inbox.put((ended, draws and self.chance.end(job.step)))

    def _report(self, step: str, number: int, fraction: float, message: str) -> None:
        share = min(max(float(fraction), 0.0), 1.0)
        self.inbox.put(_Progress(step=step, number=number, fraction=share, message=str(message)))

    def _hear(self) -> None:
        """Waits for the next news, no longer than a poll, and takes in all there is."""
        try:
            news = self.inbox.get(timeout=POLL)
            while True:
                if isinstance(news, _Progress):
                    self._progress(news)
                else:
                    self._ended(*news)
                news = self.inbox.get_nowait()
        except queue.Empty:
            return

    def _progress(self, news: _Progress) -> None:
        under_way = self.running.get(news.step)
        now = time.monotonic()
        if under_way is None or under_way.number != news.number:
            return
        if news.fraction >= 1.0 or now - under_way.told >= POLL:
            under_way.told = now
            self.recorder.step_progress(news.step, news.fraction, news.message)

    def _ended(self, ended: Succeeded | Failed, dirty: bool) -> None:
        under_way = self.running.pop(ended.step)
        if isinstance(ended, Failed):
            self._failed(ended)
        elif dirty:
            log.info("step %s drew random numbers beside another step: it runs again, alone", ended.step)
            self.alone.add(ended.step)
        else:
            self._finished(ended, under_way.job)

    def _finished(self, ended: Succeeded, job: Job) -> None:
        if job.key is not None:
            self.results.remember(job.key, ended.result)
        self.taken[ended.step] = ended.result
        made = Made(
            result=ended.result,
            key=job.key,
            inputs=job.inputs,
            metrics=ended.metrics,
            seconds=ended.seconds,
        )
        self.recorder.step_finished(ended.step, made)

    def _failed(self, ended: Failed) -> None:
        count = self.failures[ended.step] = self.failures.get(ended.step, 0) + 1
        again = ended.may_retry and count <= self.graph.steps[ended.step].retries and self.failed is None
        wait = self.wait_after(count) if again else None
        if wait is not None:
            self.not_before[ended.step] = time.monotonic() + wait
        elif self.failed is None:
            self.failed = ended
        self.recorder.step_failed(ended.step, ended.error, trace=ended.trace, retry_in=wait)

    def _stop_overruns(self) -> None:
        now = time.monotonic()
        for step, under_way in self.running.items():
            timeout = self.graph.steps[step].timeout
            if timeout is not None and now >= under_way.started + timeout.total_seconds():
                error = _overrun(step, timeout)
                self.recorder.step_failed(step, error, trace="", retry_in=None)
                self._skip_after(step)
                raise error

    def _give_up(self, failed: Failed) -> None:
        self._skip_after(failed.step)
        raise failed.error

    def _skip_after(self, step: str) -> None:
        for name in self.graph.downstream(step):
            self.recorder.step_skipped(name, needs=step)


def _overrun(step: str, timeout: timedelta) -> StepError:
    text = f"{timeout.total_seconds():g}s" if timeout.microseconds else format_duration(timeout)
    return StepError(
        f"It did not end within its timeout of {text}.",
        where=f"step {step}",
        hint="give the step a longer timeout, or less to do",
    )
