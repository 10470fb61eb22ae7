"""How a graph runs: order, side by side, cache, retries, timeouts, cancelling, errors, seeds."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from quarterdeck.core.errors import IntegrityError, StepError, UnavailableError
from quarterdeck.core.manifest import Manifest, StepSpec
from quarterdeck.core.pipeline.graph import build_graph
from quarterdeck.core.pipeline.loading import load_functions
from quarterdeck.core.pipeline.ports import RunOutcome
from quarterdeck.core.pipeline.runner import backoff, run_graph
from quarterdeck.core.values import Task

DEADLINE = 20.0


@pytest.fixture
def run(results: Any, diary: Any, info: Any) -> Callable[..., RunOutcome]:
    """Runs steps given as functions; `specs` changes what a step's table says."""

    def carry_out(*functions: Callable[..., Any], specs: dict[str, dict[str, Any]] | None = None, **more: Any) -> Any:
        by_name = {function.__name__: function for function in functions}
        steps = [StepSpec(name=name, uses=f"steps:{name}", **(specs or {}).get(name, {})) for name in by_name]
        return run_graph(
            build_graph(steps, by_name),
            by_name,
            info=more.pop("info", info()),
            recorder=diary,
            results=results,
            wait_after=more.pop("wait_after", lambda failures: 0.0),
            **more,
        )

    return carry_out


def test_every_step_runs_once_after_its_inputs_and_gets_their_results(run: Any, results: Any, diary: Any) -> None:
    def numbers() -> pl.DataFrame:
        return pl.DataFrame({"a": [1, 2, 3]})

    def total(numbers: pl.DataFrame) -> dict[str, int]:
        return {"total": numbers["a"].sum()}

    def doubled(total: dict[str, int], numbers: pl.DataFrame, *, factor: int) -> list[int]:
        return [total["total"] * factor, numbers.height]

    outcome = run(doubled, total, numbers, specs={"doubled": {"settings": {"factor": 2}}})
    assert results.load(outcome.results["doubled"]) == [12, 3]
    assert diary.named("finished") == ["numbers", "total", "doubled"]
    assert diary.made["doubled"].inputs == {
        "total": outcome.results["total"],
        "numbers": outcome.results["numbers"],
    }
    assert diary.threads == {threading.get_ident()}


def test_a_step_is_told_about_its_pipeline_and_its_reports_arrive(run: Any, results: Any, diary: Any) -> None:
    def work(*, pipeline: Any, report: Any) -> str:
        report(0.5, "half")
        report(7.0, "all")
        return f"{pipeline.name} {pipeline.task} {pipeline.seed}"

    outcome = run(work)
    assert results.load(outcome.results["work"]) == "trips binary 7"
    told = [entry[1:] for entry in diary.entries if entry[0] == "progress"]
    assert told == [("work", 0.5, "half"), ("work", 1.0, "all")]


def test_independent_steps_run_side_by_side_but_no_more_than_two(run: Any) -> None:
    together = threading.Barrier(2)
    running: set[str] = set()
    most: list[int] = []

    def meet(name: str) -> str:
        running.add(name)
        most.append(len(running))
        together.wait(DEADLINE)
        running.discard(name)
        return name

    def one() -> str:
        return meet("one")

    def two() -> str:
        return meet("two")

    def three() -> str:
        return meet("three")

    def four() -> str:
        return meet("four")

    def last(one: str, two: str, three: str, four: str) -> str:
        return one + two + three + four

    run(one, two, three, four, last)
    assert max(most) == 2


def test_what_a_step_does_to_its_input_no_other_step_sees(run: Any, results: Any) -> None:
    def numbers() -> dict[str, list[int]]:
        return {"a": [1]}

    def first(numbers: dict[str, list[int]], *, extra: list[int]) -> int:
        numbers["a"].append(2)
        extra.append(9)
        return len(numbers["a"]) + len(extra)

    def second(numbers: dict[str, list[int]], first: int) -> int:
        return len(numbers["a"])

    extra = [5]
    outcome = run(numbers, first, second, specs={"first": {"settings": {"extra": extra}}})
    assert results.load(outcome.results["first"]) == 4
    assert results.load(outcome.results["second"]) == 1
    assert extra == [5]


def test_metrics_in_a_result_are_handed_to_the_recorder(run: Any, diary: Any) -> None:
    def evaluation() -> dict[str, Any]:
        return {"metrics": {"accuracy_score": 0.9, "rows": 3, "note": "fine"}, "rows": 3}

    run(evaluation)
    assert diary.made["evaluation"].metrics == {"accuracy_score": 0.9, "rows": 3.0}


class Counted:
    """Two steps in a row that count how often they run."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def steps(self, value: int = 1) -> tuple[Callable[..., Any], ...]:
        def source() -> int:
            self.calls.append("source")
            return value

        def middle(source: int, *, add: int = 0) -> int:
            self.calls.append("middle")
            return source + add

        def end(middle: int) -> int:
            self.calls.append("end")
            return middle * 2

        return source, middle, end


def test_an_unchanged_step_comes_from_the_cache_and_says_so(run: Any, diary: Any) -> None:
    counted = Counted()
    first = run(*counted.steps())
    again = run(*counted.steps())
    assert again.results == first.results
    assert again.cached == {"middle", "end"}
    assert diary.named("cached") == ["middle", "end"]
    # what `source` reads is not known, so it runs each time
    assert counted.calls == ["source", "middle", "end", "source"]


def test_a_changed_setting_runs_its_step_and_what_comes_after(run: Any) -> None:
    counted = Counted()
    run(*counted.steps())
    counted.calls.clear()
    outcome = run(*counted.steps(), specs={"middle": {"settings": {"add": 3}}})
    assert counted.calls == ["source", "middle", "end"]
    assert outcome.cached == frozenset()


def test_a_changed_setting_with_the_same_result_leaves_what_comes_after_in_the_cache(run: Any) -> None:
    counted = Counted()
    run(*counted.steps())
    counted.calls.clear()
    outcome = run(*counted.steps(), specs={"middle": {"settings": {"add": 0}}})
    assert counted.calls == ["source", "middle"]
    assert outcome.cached == {"end"}


def test_another_seed_takes_nothing_from_the_cache(run: Any, info: Any) -> None:
    counted = Counted()
    run(*counted.steps())
    assert run(*counted.steps(), info=info(seed=8)).cached == frozenset()


def test_a_resumed_run_takes_what_was_done_even_from_steps_that_always_run(run: Any, results: Any) -> None:
    counted = Counted()
    done = {"source": results.save("source", 41)}
    outcome = run(*counted.steps(), done=done)
    assert counted.calls == ["middle", "end"]
    assert results.load(outcome.results["end"]) == 82


def test_a_failing_step_is_tried_again_after_a_wait_and_then_goes_on(run: Any, diary: Any) -> None:
    calls: list[float] = []
    waits: list[int] = []

    def flaky() -> str:
        calls.append(time.monotonic())
        if len(calls) < 3:
            raise ConnectionError("not yet")
        return "done"

    def wait_after(failures: int) -> float:
        waits.append(failures)
        return 0.2

    run(flaky, specs={"flaky": {"retries": 2}}, wait_after=wait_after)
    assert waits == [1, 2]
    assert calls[1] - calls[0] >= 0.2
    assert [entry for entry in diary.entries if entry[0] != "finished"] == [
        ("started", "flaky", 1),
        ("failed", "flaky", 0.2),
        ("started", "flaky", 2),
        ("failed", "flaky", 0.2),
        ("started", "flaky", 3),
    ]


def test_waits_double_up_to_a_minute() -> None:
    assert [backoff(failures) for failures in (1, 2, 3, 7, 50)] == [1.0, 2.0, 4.0, 60.0, 60.0]


def test_retries_end_and_what_comes_after_is_skipped(run: Any, diary: Any) -> None:
    def broken() -> int:
        raise ValueError("always")

    def after(broken: int) -> int:
        return broken

    def later(after: int) -> int:
        return after

    with pytest.raises(StepError, match="ValueError: always"):
        run(broken, after, later, specs={"broken": {"retries": 1}})
    assert [entry[0] for entry in diary.entries] == [
        "started",
        "failed",
        "started",
        "failed",
        "skipped",
        "skipped",
    ]
    assert diary.entries[-2:] == [("skipped", "after", "broken"), ("skipped", "later", "broken")]


def test_what_our_own_rules_refuse_is_not_tried_again_but_what_was_out_of_reach_is(run: Any, diary: Any) -> None:
    def refused() -> object:
        return object()

    with pytest.raises(StepError, match="cannot be kept"):
        run(refused, specs={"refused": {"retries": 5}})
    assert diary.named("started") == ["refused"]

    def away() -> int:
        if diary.named("started").count("away") < 2:
            raise UnavailableError("the bucket is away")
        return 1

    run(away, specs={"away": {"retries": 5}})
    assert diary.named("started") == ["refused", "away", "away"]


def test_a_step_beside_a_failing_one_ends_before_the_run_does(run: Any, diary: Any) -> None:
    failed = threading.Event()

    def bad() -> int:
        failed.set()
        raise ValueError("no")

    def good() -> int:
        assert failed.wait(DEADLINE)
        return 1

    def both(bad: int, good: int) -> int:
        return bad + good

    with pytest.raises(StepError, match="no"):
        run(bad, good, both)
    assert diary.named("finished") == ["good"]


def test_an_error_names_the_step_the_users_file_and_line_and_keeps_the_traceback(
    diary: Any, results: Any, info: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "pipelines" / "trips"
    folder.mkdir(parents=True)
    (folder / "steps.py").write_text("from .helpers import rate\n\n\ndef work():\n    return rate(0)\n")
    (folder / "helpers.py").write_text("import statistics\n\n\ndef rate(n):\n    return statistics.mean([]) / n\n")
    manifest = Manifest(
        name="trips",
        task=Task.BINARY,
        target="y",
        folder=folder,
        steps=(StepSpec(name="work", uses="steps:work"),),
    )
    functions = load_functions(manifest)
    graph = build_graph(manifest.steps, functions)
    with pytest.raises(StepError) as caught:
        run_graph(graph, functions, info=info(), recorder=diary, results=results)
    assert caught.value.where == "step work, helpers.py:5"
    assert caught.value.message == "statistics.StatisticsError: mean requires at least one data point"
    assert type(caught.value.__cause__).__name__ == "StatisticsError"
    assert "statistics.py" in diary.traces[0] and "steps.py" in diary.traces[0]


def test_an_error_of_ours_keeps_its_class_so_that_its_exit_code_stays(run: Any) -> None:
    def work() -> int:
        raise IntegrityError("other bytes", where="artifact ab", hint="restore it")

    with pytest.raises(IntegrityError) as caught:
        run(work)
    assert "step work" in str(caught.value.where) and "artifact ab" in str(caught.value.where)
    assert caught.value.hint == "restore it"


def test_a_step_that_leaves_the_program_fails_and_the_run_with_it(run: Any) -> None:
    def leaves() -> int:
        sys.exit(3)

    with pytest.raises(StepError, match="SystemExit: 3"):
        run(leaves)


def test_an_input_whose_bytes_were_changed_stops_the_run(run: Any, results: Any, tmp_path: Path) -> None:
    def numbers() -> list[int]:
        return [1]

    def total(numbers: list[int]) -> int:
        return sum(numbers)

    sha256 = results.save("numbers", [1])
    (tmp_path / "artifacts" / sha256[:2] / sha256[2:]).write_bytes(b'{"json":[2]}')
    with pytest.raises(IntegrityError, match="other bytes"):
        run(numbers, total, done={"numbers": sha256})


def test_a_step_that_overruns_its_timeout_ends_the_run_while_it_still_runs(run: Any, diary: Any) -> None:
    release = threading.Event()

    def endless() -> int:
        release.wait(DEADLINE)
        return 1

    def after(endless: int) -> int:
        return endless

    started = time.monotonic()
    try:
        with pytest.raises(StepError, match=r"step endless: It did not end within its timeout of 0\.3s"):
            run(endless, after, specs={"endless": {"timeout": timedelta(seconds=0.3), "retries": 3}})
        assert 0.3 <= time.monotonic() - started < 5
        assert not release.is_set()
    finally:
        release.set()
    assert diary.entries[-2:] == [("failed", "endless", None), ("skipped", "after", "endless")]


def test_a_process_can_exit_while_a_step_that_overran_still_runs(tmp_path: Path) -> None:
    program = f"""
import sys, threading
sys.path.insert(0, {str(Path(__file__).parent)!r})
from datetime import timedelta
from pathlib import Path
from conftest import Diary, Memory
from quarterdeck.core.errors import StepError
from quarterdeck.core.manifest import StepSpec
from quarterdeck.core.pipeline.graph import build_graph
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.pipeline.runner import run_graph
from quarterdeck.core.values import Task
def endless():
    while True:
        pass
info = PipelineInfo(name="p", task=Task.BINARY, target="y", entity=None, time=None, seed=0, workspace=Path())
steps = [StepSpec(name="endless", uses="steps:endless", timeout=timedelta(seconds=0.2))]
functions = {{"endless": endless}}
graph, results = build_graph(steps, functions), Memory(Path({str(tmp_path)!r}))
try:
    run_graph(graph, functions, info=info, recorder=Diary(), results=results)
except StepError as error:
    print(error.message)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "timeout" in done.stdout


def test_a_cancelled_run_stops_at_once_without_waiting_for_its_step(run: Any) -> None:
    release, begun = threading.Event(), threading.Event()

    def long() -> int:
        begun.set()
        release.wait(DEADLINE)
        return 1

    try:
        with pytest.raises(KeyboardInterrupt):
            run(long, cancelled=begun.is_set)
        assert not release.is_set()
    finally:
        release.set()


def _draws() -> list[float]:
    return [random.random(), float(np.random.rand())]


def test_a_step_draws_the_same_numbers_in_every_run_and_others_than_another_step(run: Any, results: Any) -> None:
    def left() -> list[float]:
        return _draws()

    def right(left: list[float]) -> list[float]:
        return _draws()

    first = run(left, right)
    results.kept.clear()
    random.seed()
    again = run(left, right)
    assert again.results == first.results
    assert results.load(first.results["left"]) != results.load(first.results["right"])


def test_steps_that_draw_side_by_side_run_again_alone_and_stay_reproducible(run: Any, results: Any) -> None:
    gate = threading.Barrier(2)
    calls: list[str] = []

    def meet(name: str) -> list[float]:
        first = name not in calls
        calls.append(name)
        if first:
            gate.wait(DEADLINE)
        return _draws()

    def left() -> list[float]:
        return meet("left")

    def right() -> list[float]:
        return meet("right")

    def both(left: list[float], right: list[float]) -> list[list[float]]:
        return [left, right]

    first = run(left, right, both)
    assert sorted(calls) == ["left", "left", "right", "right"]
    alone = [run(left).results["left"], run(right).results["right"]]
    assert [first.results["left"], first.results["right"]] == alone


def test_steps_side_by_side_that_draw_nothing_run_once(run: Any) -> None:
    gate = threading.Barrier(2)
    calls: list[str] = []

    def left() -> int:
        calls.append("left")
        gate.wait(DEADLINE)
        return 1

    def right() -> int:
        calls.append("right")
        gate.wait(DEADLINE)
        return 2

    def both(left: int, right: int) -> int:
        return left + right

    run(left, right, both)
    assert sorted(calls) == ["left", "right"]
