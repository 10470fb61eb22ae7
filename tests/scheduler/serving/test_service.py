"""A running server is asked expected inputs and driven; what it answers otherwise, and what it takes, is said."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psutil
import pytest

from quarterdeck.console.context import Console
from quarterdeck.console.queries.service_plan import service_plan
from quarterdeck.core.errors import NotFoundError, UnavailableError
from quarterdeck.core.expected import Expected
from quarterdeck.core.load import judge_load
from quarterdeck.core.rollout_looks import LookOutcome
from quarterdeck.core.service_spec import LoadSpec
from quarterdeck.core.settings import read_settings
from quarterdeck.scheduler.load import LoadProgress, LoadRun
from quarterdeck.scheduler.reaching import Reach, reach
from quarterdeck.scheduler.service_ask import ask_version, wait_until_loaded

ROWS = [{"a": float(number % 10), "b": None if number == 3 else 1.0} for number in range(70)]
SECOND = timedelta(seconds=1)
OPEN = LoadSpec(rate=100.0, duration=SECOND, ramp=SECOND / 2, processes=2, p99_ms=None)


def expected(slope: float, rows: Any = tuple(ROWS[4:])) -> Expected:
    return Expected(rows=tuple(rows), answers=tuple({"value": slope * row["a"] + 1.0} for row in rows))


@pytest.fixture
def running(line_lab: Any) -> Any:
    line_lab.start()
    service = line_lab.service()
    assert wait_until_loaded(reach(line_lab.workspace, service), "line", 2) is None
    return service


@pytest.fixture
def reached(running: Any, line_lab: Any) -> Reach:
    return reach(line_lab.workspace, running)


def run(lab: Any, spec: LoadSpec, version: int = 2, **more: Any) -> Any:
    with LoadRun(lab.workspace, lab.service(), "line", version, expected(2.0), spec) as load:
        return load.run(**more)


def test_a_server_that_answers_as_training_did_has_no_difference(reached: Reach) -> None:
    tested = ask_version(reached, "line", 2, expected(2.0))
    assert (tested.rows, tested.differences, tested.differing) == (66, (), 0)


def test_every_row_that_is_answered_otherwise_is_named(reached: Reach) -> None:
    tested = ask_version(reached, "line", 1, expected(2.0))
    assert tested.differing == sum(row["a"] > 0 for row in ROWS[4:])
    assert (tested.differences[0].row, tested.differences[0].expected, tested.differences[0].served) == (0, 9.0, 5.0)


def test_a_row_that_the_server_refuses_is_a_difference_and_the_others_are_compared(reached: Reach) -> None:
    rows = (*ROWS[4:8], {"a": 1e9, "b": 1.0}, *ROWS[4:8])
    tested = ask_version(reached, "line", 2, expected(2.0, rows))
    assert [(found.row, found.what) for found in tested.differences] == [(4, "answer")]
    assert "HTTP 422: row 0, field 'a': " in tested.differences[0].served


def test_a_version_that_is_not_loaded_and_a_server_that_is_gone_are_errors(
    line_lab: Any, running: Any, reached: Reach
) -> None:
    with pytest.raises(NotFoundError, match="line@9 is not loaded"):
        ask_version(reached, "line", 9, expected(2.0))
    line_lab.add_onnx("line", b"no model")
    said = wait_until_loaded(reached, "line", 3, patience=1.0)
    assert said is not None and said.startswith("version line@3: cannot be loaded: ")
    psutil.Process(running.pid).kill()
    line_lab.wait_until(lambda: not psutil.pid_exists(running.pid) or psutil.Process(running.pid).status() == "zombie")
    with pytest.raises(UnavailableError, match="did not answer"):
        ask_version(reached, "line", 2, expected(2.0))


def test_at_a_rate_as_many_requests_are_answered_as_were_due(running: Any, line_lab: Any) -> None:
    seen: list[LoadProgress] = []
    report = run(line_lab, OPEN, on_progress=seen.append)
    assert (report.answered, dict(report.errors)) == (100, {})
    assert report.qps == pytest.approx(100, rel=0.2)
    assert 0 < report.quantile_ms(0.5) <= report.quantile_ms(0.99) <= report.latency.greatest / 1000
    assert seen[-1].done > 0 and seen[-1].seconds == 1.5
    assert judge_load(OPEN, report).outcome is LookOutcome.PASS
    line_lab.wait_until(lambda: len(line_lab.logged()) == 125)  # with the ramp's quarter
    assert {(row.version, row.arm) for row in line_lab.logged()} == {(2, "direct")}


def test_connections_ask_again_and_again_with_as_many_rows_as_wanted(running: Any, line_lab: Any) -> None:
    spec = LoadSpec(connections=3, duration=SECOND, ramp=SECOND / 4, rows=7, processes=2)
    report = run(line_lab, spec)
    assert report.answered > 20 and not report.errors
    line_lab.wait_until(lambda: len(line_lab.logged()) >= 7 * report.answered)
    assert len(line_lab.logged()) % 7 == 0


def test_what_the_server_does_not_answer_with_200_is_counted_by_kind_and_fails_the_gate(
    running: Any, line_lab: Any
) -> None:
    report = run(line_lab, OPEN, version=9)
    assert (report.answered, dict(report.errors)) == (0, {"HTTP 404": 100})
    result = judge_load(OPEN, report)
    assert result.outcome is LookOutcome.FAIL and result.reason.startswith("error_rate 1 above 0.01")


def test_latency_counts_from_when_a_request_was_due(running: Any, line_lab: Any) -> None:
    """The server stands still for half of the time: a closed loop would hardly see it."""
    server = psutil.Process(running.pid)
    stopped: list[float] = []

    def stand_still(progress: LoadProgress) -> None:
        if progress.elapsed > 0.8 and not stopped:
            stopped.append(progress.elapsed)
            server.suspend()
        elif progress.elapsed > 1.4:
            server.resume()

    report = run(line_lab, replace(OPEN, processes=1), on_progress=stand_still)
    assert report.answered == 100
    assert report.quantile_ms(0.75) > 100


def test_a_load_that_is_stopped_says_what_it_has_counted(running: Any, line_lab: Any) -> None:
    spec = replace(OPEN, duration=60 * SECOND)

    class Enough(Exception):
        pass

    def enough(progress: LoadProgress) -> None:
        if progress.done > 80:
            raise Enough

    with LoadRun(line_lab.workspace, running, "line", 2, expected(2.0), spec) as load:
        with pytest.raises(Enough):
            load.run(enough)
        report = load.stop()
    assert report.interrupted and 0 < report.answered < 1000
    assert report.qps == pytest.approx(100, rel=0.5)
    assert not [child for child in psutil.Process().children() if "quarterdeck.scheduler.load_child" in child.cmdline()]


def test_a_process_that_dies_is_an_error(running: Any, line_lab: Any) -> None:
    def kill_one(progress: LoadProgress) -> None:
        for child in psutil.Process().children():
            if "quarterdeck.scheduler.load_child" in child.cmdline():
                child.send_signal(signal.SIGKILL)
                return

    with pytest.raises(UnavailableError, match="has failed"):
        run(line_lab, replace(OPEN, duration=60 * SECOND), on_progress=kill_one)


def test_the_plan_says_what_is_not_loaded_and_why_and_goes_by_the_heartbeat_of_a_server_that_hangs(
    line_lab: Any, running: Any
) -> None:
    line_lab.add_onnx("line", b"no model")
    line_lab.challenge("line", 3)
    line_lab.split("line", 3, 25.0, shadow=False)
    with Console(line_lab.workspace, read_settings(line_lab.workspace.settings_file), actor="ops") as console:
        line_lab.wait_until(lambda: any("line@3" in text for text in service_plan(console).problems))
        plan = service_plan(console)
        champion, challenger, ready = plan.endpoints[0].versions
        assert (champion.role, champion.weight, champion.answers) == ("champion", 75.0, True)
        assert (challenger.role, challenger.weight, challenger.loaded) == ("challenger", 25.0, False)
        assert challenger.problem is not None and challenger.problem.startswith("cannot be loaded: ")
        assert not challenger.answers
        assert (ready.number, ready.role, ready.loaded) == (2, "ready", True)
        line_lab.wait_until(lambda: any("line@3" in text for text in line_lab.service().detail["problems"]))
        psutil.Process(running.pid).suspend()
        hanging = service_plan(console)
        assert (hanging.source, hanging.endpoints) == ("heartbeat", plan.endpoints)
        psutil.Process(running.pid).kill()
        line_lab.wait_until(lambda: service_plan(console).source is None)
        assert {version.loaded for version in service_plan(console).endpoints[0].versions} == {None}
