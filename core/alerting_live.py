"""What the present says to the rules of alerts: answers, traffic, runs, the daemon, the log. By the wall clock.

Pure: figures in, judgements out. None where there is too little to say anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from quarterdeck.core.alerting_rules import Judged, severity_of
from quarterdeck.core.alerting_spec import AlertSpec
from quarterdeck.core.durations import format_duration
from quarterdeck.core.runs import Run
from quarterdeck.core.values import RunStatus

MINIMUM_REQUESTS = 20  # of a stretch of time; fewer say nothing about errors or latency
SPANS = 24  # before the last answer, each as long as the rule's time ...
BUSY = 20  # ... of which so many must have had traffic: what is quiet every night is no alert


def judge_errors(rule: AlertSpec, *, version: int, requests: int, failures: int) -> Judged | None:
    """Of the rows that the champion was asked for in the rule's time, so many could not be answered."""
    if requests < MINIMUM_REQUESTS:
        return None
    rate = failures / requests
    return Judged(
        on=rule.on,
        subject="answers",
        holds=rate >= rule.threshold,
        message=f"{rate:.1%} of {requests:,} rows in {_length(rule.lasting)} could not be answered",
        severity=severity_of(rule, rate),
        evidence={"version": version, "requests": requests, "failures": failures, "rate": rate},
    )


def judge_latency(rule: AlertSpec, *, version: int, answered: int, p99_ms: float | None) -> Judged | None:
    """The champion's slowest hundredth in the rule's time took too long."""
    if p99_ms is None or answered < MINIMUM_REQUESTS:
        return None
    return Judged(
        on=rule.on,
        subject="p99",
        holds=p99_ms >= rule.threshold,
        message=f"p99 is {p99_ms:.4g} ms over {_length(rule.lasting)}, from {rule.threshold:g} ms on it is slow",
        severity=severity_of(rule, p99_ms),
        evidence={"version": version, "answers": answered, "p99_ms": p99_ms},
    )


def spans_before(last: datetime, length: timedelta) -> list[tuple[datetime, datetime]]:
    """The stretches before the last answer in which traffic is looked for."""
    return [(last - (number + 1) * length, last - number * length) for number in range(SPANS)]


def judge_silence(rule: AlertSpec, *, last: datetime, busy: int, now: datetime) -> Judged | None:
    """No answer for the rule's time, where nearly every such stretch before had traffic (`busy` of SPANS)."""
    quiet = now - last
    if quiet < rule.lasting:
        return Judged(on=rule.on, subject="traffic", holds=False)
    if busy < BUSY:
        return None
    return Judged(
        on=rule.on,
        subject="traffic",
        holds=True,
        message=f"no request since {last:%Y-%m-%d %H:%M} UTC, where there was traffic all day",
        severity=rule.severity,
        evidence={"last": last.isoformat(), "busy": busy, "of": SPANS},
    )


def judge_runs(rule: AlertSpec, newest_first: Sequence[Run]) -> Judged | None:
    """The last runs of a pipeline that came to an end all failed; a cancelled one says nothing."""
    ended = [run for run in newest_first if run.status in (RunStatus.SUCCEEDED, RunStatus.FAILED)]
    if not ended:
        return None
    failed = 0
    while failed < len(ended) and ended[failed].status is RunStatus.FAILED:
        failed += 1
    last = ended[0]
    more = f", {failed} in a row" if failed > 1 else ""
    return Judged(
        on=rule.on,
        subject="runs",
        holds=failed >= rule.threshold,
        message=f"run {last.id} failed{more}: {first_line(last.error)}",
        severity=severity_of(rule, failed),
        evidence={"run": last.id, "in_a_row": failed},
    )


def judge_daemon(rule: AlertSpec, job: str, problem: str | None, since: datetime, now: datetime) -> Judged | None:
    """A part of the daemon has not done its work for the rule's time; None while it is younger."""
    if problem is None:
        return Judged(on=rule.on, subject=job, holds=False)
    if now - since < rule.lasting:
        return None
    return Judged(
        on=rule.on,
        subject=job,
        holds=True,
        message=f"{job}: {first_line(problem)}",
        severity=rule.severity,
        evidence={"since": since.isoformat()},
    )


def judge_log(rule: AlertSpec, lost: int) -> Judged:
    """So many predictions were answered in the rule's time, and not logged."""
    return Judged(
        on=rule.on,
        subject="prediction log",
        holds=lost >= rule.threshold,
        message=f"{lost:,} predictions of the last {_length(rule.lasting)} could not be logged",
        severity=severity_of(rule, lost),
        evidence={"lost": lost},
    )


def first_line(text: str | None) -> str:
    """The first line of an error, as long as a message may be."""
    return (text or "no reason was kept").strip().split("\n", 1)[0][:300]


def _length(duration: timedelta) -> str:
    return format_duration(duration)
