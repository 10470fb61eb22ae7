"""What windows say to the rules: holds, over, or undecided; and what triggers watch is not said twice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.alerting_rules import Judged, is_watched, judge_windows
from quarterdeck.core.alerting_spec import DEFAULTS, AlertOn, AlertSpec
from quarterdeck.core.manifest import Manifest, MonitoringSpec, TriggerSpec
from quarterdeck.core.operations import Window
from quarterdeck.core.values import Severity, Task, TriggerKind

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Seen(Window):
    """A window with what the other judges found of it."""

    quality: list[dict[str, Any]] = field(default_factory=list)
    performance: list[dict[str, Any]] = field(default_factory=list)


def seen(number: int, **values: Any) -> Window:
    plain = Seen(
        model="m", version=3, start=START + number * HOUR, end=START + (number + 1) * HOUR, closed=True, rows=100,
        labelled=0, drifted=None, drift=[], metrics={}, p50_ms=None, p99_ms=None, updated_at=START,
    )  # fmt: skip
    return replace(plain, **values)


def drift(number: int, features: int) -> Window:
    found = [{"feature": f"f{n}", "value": n / 10, "drifted": n < features} for n in range(5)]
    return seen(number, drift=found, drifted=features)


def measured(number: int, value: float | None, **item: Any) -> Window:
    plain = {"metric": "auc", "kind": "labelled", "value": value, "low": 0.7, "high": None, "alert": (value or 1) < 0.7}
    return seen(number, performance=[plain | item])


def manifest(*rules: AlertSpec, triggers: tuple[TriggerSpec, ...] = ()) -> Manifest:
    return Manifest(
        name="m", task=Task.BINARY, target="y", steps=(), folder=Path(), alerts=rules, triggers=triggers,
        monitoring=MonitoringSpec(window=HOUR),
    )  # fmt: skip


def one(found: list[Judged]) -> Judged:
    (only,) = found
    return only


def rule(on: AlertOn, **changes: Any) -> AlertSpec:
    return replace(DEFAULTS[on], **changes)


def test_drift_in_two_windows_in_a_row_is_an_alert_without_a_line_in_any_file() -> None:
    found = one(judge_windows(manifest(), [drift(0, 0), drift(1, 1), drift(2, 2)]))
    assert (found.on, found.subject, found.holds, found.severity) == (AlertOn.DRIFT, "features", True, Severity.WARNING)
    assert found.message == "2 features drifted: f1, f0" and found.at == START + 2 * HOUR
    assert found.evidence["windows"] == 2 and found.evidence["version"] == 3


def test_one_bad_window_is_undecided_and_a_good_one_is_over() -> None:
    assert judge_windows(manifest(), [drift(0, 0), drift(1, 3)]) == []
    assert not one(judge_windows(manifest(), [drift(0, 3), drift(1, 3), drift(2, 0)])).holds


def test_a_gap_between_two_bad_windows_proves_nothing() -> None:
    assert judge_windows(manifest(), [drift(0, 3), drift(2, 3)]) == []


def test_windows_that_were_not_measured_say_nothing() -> None:
    assert judge_windows(manifest(), []) == []
    assert judge_windows(manifest(), [seen(0), seen(1)]) == []
    # between the bad ones and now there was too little traffic: the alert stays as it is
    assert one(judge_windows(manifest(), [drift(0, 3), drift(1, 3), seen(2)])).holds


@given(st.lists(st.sampled_from([None, 0, 1]), max_size=12), st.integers(1, 4))
def test_a_rule_holds_exactly_where_its_last_measured_windows_are_bad_and_touch(
    kinds: list[int | None], windows: int
) -> None:
    given = [seen(n) if kind is None else drift(n, kind) for n, kind in enumerate(kinds)]
    found = judge_windows(manifest(rule(AlertOn.DRIFT, windows=windows)), given)
    known = [(n, kind) for n, kind in enumerate(kinds) if kind is not None]
    tail = known[-windows:]
    holds = len(tail) == windows and all(kind for _, kind in tail) and tail[-1][0] - tail[0][0] == windows - 1
    over = bool(known) and not known[-1][1]
    assert [item.holds for item in found] == ([True] if holds else [False] if over else [])


def test_a_rule_becomes_critical_at_its_second_threshold_in_every_window_of_the_row() -> None:
    rules = manifest(rule(AlertOn.DRIFT, threshold=2, critical=4))
    assert one(judge_windows(rules, [drift(0, 4), drift(1, 5)])).severity is Severity.CRITICAL
    assert one(judge_windows(rules, [drift(0, 3), drift(1, 5)])).severity is Severity.WARNING
    assert not one(judge_windows(rules, [drift(0, 1), drift(1, 1)])).holds


def test_failed_checks_of_the_data_are_named() -> None:
    bad = [{"feature": "hour", "check": "out_of_range", "bad": True}, {"feature": "wind", "check": "missing"}]
    found = one(judge_windows(manifest(), [seen(0, quality=bad), seen(1, quality=bad)]))
    assert (found.on, found.message) == (AlertOn.QUALITY, "1 check of the data failed: hour out of range")


def test_a_metric_beyond_the_limits_of_its_measure_is_an_alert_of_its_own() -> None:
    found = one(judge_windows(manifest(), [measured(0, 0.65), measured(1, 0.651)]))
    assert (found.on, found.subject, found.message) == (AlertOn.PERFORMANCE, "auc", "auc is 0.651, below 0.7")
    estimate = [measured(n, 0.6, kind="estimated") for n in range(2)]
    assert one(judge_windows(manifest(), estimate)).message == "auc is 0.6, below 0.7 (an estimate)"
    assert one(judge_windows(manifest(), [measured(n, 0.6, kind="kpi") for n in range(2)])).on is AlertOn.KPI


def test_a_rules_own_limits_stand_in_place_of_the_measures() -> None:
    own = manifest(rule(AlertOn.PERFORMANCE, metric="auc", minimum=0.6, windows=1))
    assert not one(judge_windows(own, [measured(0, 0.65)])).holds
    assert one(judge_windows(own, [measured(0, 0.59)])).message == "auc is 0.59, below 0.6"


def test_slices_are_judged_where_a_rule_says_so() -> None:
    windows = [measured(n, 0.5, slice="carrier = EV") for n in range(2)]
    assert judge_windows(manifest(), windows) == []
    found = one(judge_windows(manifest(rule(AlertOn.PERFORMANCE, slices=True)), windows))
    assert (found.subject, found.message) == ("auc[carrier = EV]", "auc is 0.5 where carrier = EV, below 0.7")


@pytest.mark.parametrize(
    ("trigger", "windows"),
    [
        (TriggerSpec(name="d", kind=TriggerKind.DRIFT), [drift(0, 3), drift(1, 3)]),
        (
            TriggerSpec(name="d", kind=TriggerKind.DECAY, metric="auc", worse_by=0.1),
            [measured(0, 0.5), measured(1, 0.5)],
        ),
    ],
)
def test_what_a_trigger_watches_is_raised_once_by_the_trigger(trigger: TriggerSpec, windows: list[Window]) -> None:
    assert one(judge_windows(manifest(), windows)).holds
    assert judge_windows(manifest(triggers=(trigger,)), windows) == []
    assert not is_watched(manifest(triggers=(trigger,)), "performance" if trigger.metric else "drift", "auc")
    assert is_watched(manifest(triggers=(trigger,)), trigger.kind.value, "d")


def test_a_rule_that_is_off_says_nothing_and_leaves_nothing_open() -> None:
    off = manifest(rule(AlertOn.DRIFT, off=True))
    assert judge_windows(off, [drift(0, 3), drift(1, 3)]) == []
    assert not is_watched(off, "drift", "features") and is_watched(manifest(), "drift", "features")
    assert not is_watched(manifest(), "decay", "a trigger that is no more")
