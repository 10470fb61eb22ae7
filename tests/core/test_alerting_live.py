"""What the present says to the rules: answers, traffic, runs, the daemon, the log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from quarterdeck.core.alerting_live import (
    BUSY,
    MINIMUM_REQUESTS,
    judge_daemon,
    judge_errors,
    judge_latency,
    judge_log,
    judge_runs,
    judge_silence,
    spans_before,
)
from quarterdeck.core.alerting_spec import DEFAULTS, AlertOn
from quarterdeck.core.runs import Run
from quarterdeck.core.values import RunStatus, Severity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("failures", "holds", "severity"),
    [
        (0, False, Severity.WARNING),
        (4, False, Severity.WARNING),
        (5, True, Severity.WARNING),
        (25, True, Severity.CRITICAL),
    ],
)
def test_errors_are_a_share_of_what_was_asked(failures: int, holds: bool, severity: Severity) -> None:
    found = judge_errors(DEFAULTS[AlertOn.ERRORS], version=3, requests=100, failures=failures)
    assert found is not None and (found.holds, found.severity) == (holds, severity)


def test_too_few_answers_say_nothing() -> None:
    few = MINIMUM_REQUESTS - 1
    assert judge_errors(DEFAULTS[AlertOn.ERRORS], version=3, requests=few, failures=few) is None
    assert judge_latency(DEFAULTS[AlertOn.LATENCY], version=3, answered=few, p99_ms=9_999.0) is None
    assert judge_latency(DEFAULTS[AlertOn.LATENCY], version=3, answered=50, p99_ms=None) is None


def test_latency_says_how_slow_and_from_when_on_it_is() -> None:
    found = judge_latency(DEFAULTS[AlertOn.LATENCY], version=3, answered=50, p99_ms=1_250.0)
    assert found is not None and found.holds
    assert found.message == "p99 is 1250 ms over 5m, from 1000 ms on it is slow"


def test_silence_is_an_alert_only_where_there_was_traffic_all_day() -> None:
    rule, last = DEFAULTS[AlertOn.SILENCE], NOW - 2 * timedelta(hours=1)
    loud = judge_silence(rule, last=last, busy=BUSY, now=NOW)
    assert loud is not None and loud.holds and "no request since 2026-03-01 10:00 UTC" in loud.message
    assert judge_silence(rule, last=last, busy=BUSY - 1, now=NOW) is None
    back = judge_silence(rule, last=NOW - MINUTE, busy=0, now=NOW)
    assert back is not None and not back.holds


def test_the_stretches_before_the_last_answer_touch_and_end_with_it() -> None:
    spans = spans_before(NOW, MINUTE)
    assert spans[0] == (NOW - MINUTE, NOW) and len(spans) == 24
    assert all(later[0] == earlier[1] for later, earlier in pairwise(spans))


def run(number: int, status: RunStatus) -> Run:
    return Run(
        id=number, pipeline="p", status=status, requested_by="ops", requested_at=NOW, cause={}, attempt=1,
        worker_pid=None, worker_started=None, started_at=NOW, finished_at=NOW, cancel_requested=False, progress=0.0,
        message="", error="no rows\nat line 3", provenance={}, version=None,
    )  # fmt: skip


F, S, C, R = RunStatus.FAILED, RunStatus.SUCCEEDED, RunStatus.CANCELLED, RunStatus.RUNNING


@pytest.mark.parametrize(
    ("newest_first", "says"),
    [
        ([], None),
        ([C, R], None),
        ([S, F, F], (False, Severity.WARNING)),
        ([R, C, F, S], (True, Severity.WARNING)),
        ([F, C, F, F, S], (True, Severity.CRITICAL)),
    ],
)
def test_runs_that_failed_since_the_last_that_did_not(
    newest_first: list[RunStatus], says: tuple[bool, Severity] | None
) -> None:
    found = judge_runs(DEFAULTS[AlertOn.RUN], [run(9 - n, status) for n, status in enumerate(newest_first)])
    assert (None if found is None else (found.holds, found.severity)) == says


def test_a_failed_run_is_told_with_the_first_line_of_its_error() -> None:
    found = judge_runs(DEFAULTS[AlertOn.RUN], [run(4, F), run(3, F)])
    assert found is not None and found.message == "run 4 failed, 2 in a row: no rows"


def test_a_problem_of_the_daemon_is_told_when_it_lasts() -> None:
    rule = DEFAULTS[AlertOn.DAEMON]
    assert judge_daemon(rule, "monitor", "disk full", NOW - MINUTE / 2, NOW) is None
    found = judge_daemon(rule, "monitor", "disk full", NOW - MINUTE, NOW)
    assert found is not None and (found.holds, found.message) == (True, "monitor: disk full")
    over = judge_daemon(rule, "monitor", None, NOW, NOW)
    assert over is not None and not over.holds


def test_a_lost_prediction_is_told_and_none_is_over() -> None:
    rule = replace(DEFAULTS[AlertOn.LOG], critical=100)
    assert [(judge_log(rule, lost).holds, judge_log(rule, lost).severity) for lost in (0, 1, 100)] == [
        (False, Severity.WARNING), (True, Severity.WARNING), (True, Severity.CRITICAL),
    ]  # fmt: skip
