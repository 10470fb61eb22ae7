"""When a trigger fires, and what holds it back."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.drift.verdict import decide_drift
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.triggers import WindowDrift, WindowMetric, decay, decide_fire, drift_trigger
from quarterdeck.core.values import Direction, TriggerKind

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
