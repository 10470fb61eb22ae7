"""When estimates are declared invalid, since when, and when they are believed again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from quarterdeck.core.performance.finding import ESTIMATE_NOTE, Finding, Kind
from quarterdeck.core.performance.spread import MetricReference
from quarterdeck.core.performance.validity import Judged, disagrees, invalid_since, mark

START = datetime(2026, 3, 1, tzinfo=UTC)


def window(day: int, agrees: bool | None) -> Judged:
    item = Finding(
        metric="accuracy_score",
        kind=Kind.ESTIMATED,
        value=0.9,
        n=500,
        threshold_low=0.95,
        agrees=agrees,
        alert=True,
        note=ESTIMATE_NOTE,
    )
    measured = Finding(metric="accuracy_score", kind=Kind.LABELLED, value=0.7, n=500)
    return Judged(start=START + timedelta(days=day), findings=(measured, item))


def since(*agrees: bool | None) -> int | None:
    found = invalid_since([window(day, said) for day, said in enumerate(agrees)])
    return None if found is None else (found - START).days


def test_two_labelled_windows_in_a_row_end_the_belief_and_one_does_not() -> None:
    assert since(True, False) is None
    assert since(True, False, True, False) is None
    assert since(True, False, False) == 1
    assert since(False, False, False) == 0


def test_windows_without_labels_say_nothing_either_way() -> None:
    assert since(False, None, None, False, None) == 0
    assert since(False, None, True, None, False) is None
    assert since(None, None) is None


def test_a_labelled_window_that_agrees_restores_it() -> None:
    assert since(False, False, True) is None


def test_an_invalid_estimate_alerts_no_more_and_says_since_when_once() -> None:
    findings = window(3, None).findings
    marked = mark(mark(findings, START), START)
    assert marked[0] == findings[0]  # what was measured is what it was
    assert not marked[1].alert and not marked[1].valid
    assert marked[1].note.startswith(ESTIMATE_NOTE)
    assert marked[1].note.count("not valid since 2026-03-01 00:00 UTC") == 1
    assert mark(marked, None)[1].note == ESTIMATE_NOTE
    assert mark(marked, None)[1].valid and mark(marked, None)[1].alert


def test_only_what_chance_does_not_explain_is_a_disagreement() -> None:
    calm = MetricReference(value=0.9, spread=0.3, between=0.0, n=1_000)
    restless = MetricReference(value=0.9, spread=0.3, between=0.03, n=1_000)
    assert not disagrees(0.90, 0.01, 0.87, 0.01, calm, 1)  # 2.1 standard errors
    assert disagrees(0.90, 0.01, 0.85, 0.01, calm, 1)  # 3.5
    assert not disagrees(0.90, 0.01, 0.85, 0.01, calm, 8)  # of eight metrics one strays so far more easily
    assert not disagrees(0.90, 0.01, 0.85, 0.01, restless, 1)
    assert not disagrees(0.90, 0.0, 0.1, float("nan"), calm, 1)
