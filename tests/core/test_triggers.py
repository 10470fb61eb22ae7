"""When a trigger fires, and what holds it back."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.core.drift.verdict import decide_drift
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.triggers import (
    Training,
    WindowDrift,
    WindowMetric,
    decay,
    decide_fire,
    drift_trigger,
    fruitless,
    patience,
    span_start,
)
from quarterdeck.core.values import Direction, Span, TriggerKind

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENT_KINDS = [TriggerKind.DRIFT, TriggerKind.DECAY]
ASKED = [TriggerKind.MANUAL]
OTHERS = [kind for kind in TriggerKind if kind not in EVENT_KINDS + ASKED]


def fires(kind: TriggerKind = TriggerKind.NEW_DATA, **facts: Any) -> bool:
    return decide_fire(kind=kind, now=NOW, evidence_at=facts.pop("evidence_at", NOW), **facts).fire


@pytest.mark.parametrize("kind", TriggerKind)
def test_with_nothing_against_it_a_trigger_fires(kind: TriggerKind) -> None:
    assert fires(kind)


@pytest.mark.parametrize("kind", TriggerKind)
def test_a_run_under_way_holds_every_trigger_back(kind: TriggerKind) -> None:
    decision = decide_fire(kind=kind, now=NOW, evidence_at=NOW, active_run="run 7")
    assert (decision.fire, decision.reason) == (False, "run 7 is under way")


@pytest.mark.parametrize("kind", ASKED)
def test_what_a_person_asks_for_knows_no_other_brake(kind: TriggerKind) -> None:
    assert fires(kind, paused=True, cooldown=HOUR, last_fired=NOW, fired_today=9, limit_per_day=1)


@pytest.mark.parametrize("kind", EVENT_KINDS + OTHERS)
def test_pause_and_the_limit_a_day_hold_back(kind: TriggerKind) -> None:
    assert not fires(kind, paused=True)
    assert not fires(kind, fired_today=2, limit_per_day=2)
    assert fires(kind, fired_today=1, limit_per_day=2)


@pytest.mark.parametrize("kind", OTHERS)
def test_the_cooldown_of_the_wall_clock_ends_to_the_second(kind: TriggerKind) -> None:
    second = timedelta(seconds=1)
    assert fires(kind, cooldown=HOUR, last_fired=NOW - HOUR)
    assert not fires(kind, cooldown=HOUR, last_fired=NOW - HOUR + second)


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_evidence_cools_down_by_its_own_time_not_the_walls(kind: TriggerKind) -> None:
    past = datetime(2013, 5, 1, tzinfo=UTC)
    facts = {"cooldown": 6 * HOUR, "last_fired": NOW, "last_evidence": past}
    assert fires(kind, evidence_at=past + 6 * HOUR, **facts)
    assert not fires(kind, evidence_at=past + 5 * HOUR, **facts)
    later = facts | {"last_fired": NOW - 99 * HOUR}
    assert not fires(kind, evidence_at=past + 5 * HOUR, **later)


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_the_same_evidence_never_fires_twice(kind: TriggerKind) -> None:
    assert not fires(kind, evidence_at=NOW, last_evidence=NOW)
    assert not fires(kind, evidence_at=NOW - HOUR, last_evidence=NOW)


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_evidence_without_a_time_is_refused(kind: TriggerKind) -> None:
    with pytest.raises(RefusedError, match="event time"):
        decide_fire(kind=kind, now=NOW)


@pytest.mark.parametrize("kind", EVENT_KINDS + OTHERS)
def test_a_budget_that_is_used_up_holds_back(kind: TriggerKind) -> None:
    assert fires(kind, spent=HOUR, budget=2 * HOUR)
    decision = decide_fire(kind=kind, now=NOW, evidence_at=NOW, spent=2 * HOUR, budget=2 * HOUR, budget_per=Span.WEEK)
    assert decision.reason == "its runs of this week have used the budget of 2 h 0 min"


def test_a_week_begins_on_monday_and_a_day_at_midnight() -> None:
    assert NOW.weekday() == 0
    assert span_start(Span.WEEK, NOW + timedelta(days=6)) == NOW.replace(hour=0)
    assert span_start(Span.DAY, NOW) == NOW.replace(hour=0)


DAY = timedelta(days=1)


def past(*days: int, promoted: bool = False, loss: bool = False) -> list[Training]:
    return [Training(at=NOW + day * DAY, promoted=promoted, loss=loss) for day in days]


def in_vain(trainings: list[Training], day: int, *, loss: bool = False) -> int:
    return fruitless(trainings, at=NOW + day * DAY, loss=loss, cooldown=DAY)


def test_each_training_in_vain_doubles_the_wait_up_to_a_bound() -> None:
    assert [patience(DAY, None, number) for number in range(3)] == [DAY, 2 * DAY, 4 * DAY]
    assert patience(DAY, 7 * DAY, 1) == 14 * DAY
    assert patience(DAY, None, 99) == 64 * DAY
    assert patience(None, None, 0) is None


def test_trainings_that_gave_no_champion_are_in_vain() -> None:
    assert in_vain(past(0), 1, loss=True) == 1
    assert in_vain(past(0, 2), 6, loss=True) == 2
    assert in_vain(past(0, 2) + past(6, promoted=True), 7, loss=True) == 0


def test_drift_without_a_loss_counts_against_itself_even_where_the_new_model_was_promoted() -> None:
    trainings = past(0, 2, promoted=True)
    assert in_vain(trainings, 6) == 2
    assert in_vain(trainings, 3, loss=True) == 0  # now it costs something: no reason to wait
    assert in_vain(past(0, 2, promoted=True, loss=True), 6) == 0


def test_a_long_quiet_time_ends_the_row() -> None:
    assert in_vain(past(0), 3) == 1
    assert in_vain(past(0), 4) == 0
    assert in_vain(past(0, 2), 9) == 2
    assert in_vain(past(0, 2), 10) == 0


@settings(max_examples=15)
@given(st.integers(1, 8), st.integers(1, 30))
def test_a_drift_that_never_ends_trains_a_logarithmic_number_of_times(cooldown: int, window: int) -> None:
    trainings: list[Training] = []
    for day in range(730):
        at, wait = NOW + day * DAY, {"cooldown": cooldown * DAY, "width": window * DAY}
        number = fruitless(trainings, at=at, loss=False, **wait)
        least = patience(wait["cooldown"], wait["width"], number)
        if not trainings or (least is not None and at - trainings[-1].at >= least):
            trainings.append(Training(at=at, promoted=True, loss=False))
    assert len(trainings) <= 2 + 730 // 64 + 7
    if window >= 7:
        assert len(trainings) <= 8


def test_the_reason_says_that_the_last_trainings_were_in_vain() -> None:
    decision = decide_fire(
        kind=TriggerKind.DRIFT, now=NOW, evidence_at=NOW, last_evidence=NOW - DAY, cooldown=DAY, fruitless=2
    )
    assert decision.reason.startswith("cooling down until 2026-06-04 12:00 UTC: its last 2 trainings gave no better")


def windows(*values: float | None, error: float | None = None) -> list[WindowMetric]:
    return [
        WindowMetric(start=NOW + index * HOUR, value=value, n=100, standard_error=error)
        for index, value in enumerate(values)
    ]


def test_decay_needs_every_one_of_the_last_windows() -> None:
    rule: dict[str, Any] = {"reference": 0.75, "worse_by": 0.05, "windows": 3, "direction": Direction.HIGHER}
    evidence = decay(windows(0.9, 0.69, 0.68, 0.67), **rule)
    assert evidence is not None
    assert evidence.worsening == pytest.approx(0.07)
    assert evidence.at == NOW + 3 * HOUR
    assert decay(windows(0.69, 0.74, 0.67), **rule) is None
    assert decay(windows(0.69, 0.67), **rule) is None
    assert decay(windows(0.69, 0.68, 0.67, 0.9), **rule) is None


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=6), st.floats(0, 2), st.integers(1, 4))
def test_decay_of_a_loss_mirrors_decay_of_a_score(values: list[float], worse_by: float, count: int) -> None:
    score = decay(windows(*values), reference=0.5, worse_by=worse_by, windows=count, direction=Direction.HIGHER)
    mirrored = windows(*(-value for value in values))
    loss = decay(mirrored, reference=-0.5, worse_by=worse_by, windows=count, direction=Direction.LOWER)
    assert (score is None) == (loss is None)
    if score is not None and loss is not None:
        assert score.worsening == pytest.approx(loss.worsening)


def test_a_worsening_within_its_standard_error_is_no_decay() -> None:
    rule: dict[str, Any] = {"reference": 0.75, "worse_by": 0.05, "windows": 2, "direction": Direction.HIGHER}
    assert decay(windows(0.68, 0.68, error=0.08), **rule) is None
    assert decay(windows(0.68, 0.68, error=0.06), **rule) is not None


@pytest.mark.parametrize("gap", [None, float("nan")])
def test_a_window_without_a_value_proves_nothing(gap: float | None) -> None:
    rule: dict[str, Any] = {"reference": 0.75, "worse_by": 0.05, "windows": 3, "direction": Direction.HIGHER}
    assert decay(windows(0.6, gap, 0.6), **rule) is None


def test_windows_with_a_gap_between_them_are_not_consecutive() -> None:
    rule: dict[str, Any] = {"reference": 0.75, "worse_by": 0.05, "windows": 2, "direction": Direction.HIGHER}
    values = windows(0.6, 0.6, 0.6)
    assert decay(values, width=HOUR, **rule) is not None
    assert decay([values[0], values[2]], width=HOUR, **rule) is None
    assert decay([values[0], values[2]], **rule) is not None


@given(st.randoms(use_true_random=False))
def test_the_order_in_which_windows_come_does_not_matter(rng: random.Random) -> None:
    values = windows(0.9, 0.8, 0.6, 0.5)
    rng.shuffle(values)
    evidence = decay(values, reference=0.75, worse_by=0.05, windows=2, direction=Direction.HIGHER)
    assert evidence is not None
    assert [window.value for window in evidence.windows] == [0.6, 0.5]


def drifting(hour: int, *features: str) -> WindowDrift:
    results = tuple(
        decide_drift(
            feature=name,
            method="psi",
            value=0.5 if name in features else 0.0,
            threshold=0.25,
            noise=None,
            n_reference=100,
            n_window=100,
        )
        for name in ("a", "b", "c")
    )
    return WindowDrift(start=NOW + hour * HOUR, results=results)


def test_enough_features_must_drift_in_each_of_the_last_windows() -> None:
    values = [drifting(0), drifting(1, "a", "b"), drifting(2, "c", "b")]
    evidence = drift_trigger(values, features=2, windows=2)
    assert evidence is not None
    assert evidence.features == ("b", "c")
    assert evidence.windows == (NOW + HOUR, NOW + 2 * HOUR)
    assert evidence.at == NOW + 2 * HOUR
    assert drift_trigger(values, features=2, windows=3) is None
    assert drift_trigger(values, features=3, windows=1) is None
    assert drift_trigger(values[:1], features=1, windows=2) is None
    assert drift_trigger([values[1], drifting(4, "a", "b")], features=2, windows=2, width=HOUR) is None


def test_rules_that_would_always_or_never_speak_are_refused() -> None:
    with pytest.raises(RefusedError):
        drift_trigger([drifting(0)], features=0)
    with pytest.raises(RefusedError):
        drift_trigger([drifting(0)], features=1, windows=0)
    with pytest.raises(RefusedError):
        decay(windows(0.1), reference=0.5, worse_by=0.1, windows=0, direction=Direction.LOWER)
