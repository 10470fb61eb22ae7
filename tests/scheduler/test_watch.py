"""Windows held against triggers: what counts as drift and decay, and what does not yet."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.core.manifest import Manifest, MonitoringSpec, TriggerSpec
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.operations import Window
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Engine, Task, TriggerKind, VersionState
from quarterdeck.scheduler.watch import find_decay, find_drift

WEEK = timedelta(days=7)
DECAY = TriggerSpec(name="decay", kind=TriggerKind.DECAY, metric="mean_absolute_error", worse_by=0.2, windows=2)
DRIFT = TriggerSpec(name="drift", kind=TriggerKind.DRIFT, features=2, threshold=0.25)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return Manifest(
        name="fuel", task=Task.REGRESSION, target="fuel_rate", steps=(), folder=tmp_path,
        monitoring=MonitoringSpec(window=WEEK, minimum_rows=50),
    )  # fmt: skip


@pytest.fixture
def version(now: datetime) -> Version:
    return Version(
        model="fuel", number=1, state=VersionState.CHAMPION, run_id=1, created=now, artifact="a", onnx=None,
        engine=Engine.SKLEARN, engine_reason="", max_difference=None,
        signature=Signature(fields=(), task=Task.REGRESSION, target="fuel_rate"),
        metrics={"mean_absolute_error": 1.0}, verdicts=(), profile=None, trained_from=None, trained_to=None, rows=1,
        size_bytes=1,
    )  # fmt: skip


def window(now: datetime, week: int, **changes: Any) -> Window:
    plain = Window(
        model="fuel", version=1, start=now + week * WEEK, end=now + (week + 1) * WEEK, closed=True, rows=100,
        labelled=100, drifted=0, drift=[], metrics={"mean_absolute_error": 1.0}, p50_ms=1.0, p99_ms=1.0,
        updated_at=now,
    )  # fmt: skip
    return replace(plain, **changes)


def error(value: float) -> dict[str, Any]:
    return {"metrics": {"mean_absolute_error": value}}


def test_two_weeks_in_a_row_a_fifth_worse_is_decay(manifest: Manifest, version: Version, now: datetime) -> None:
    weeks = [window(now, 0, **error(1.0)), window(now, 1, **error(1.3)), window(now, 2, **error(1.25))]
    found = find_decay(manifest, DECAY, version, weeks)
    assert found is not None
    assert found.at == now + 2 * WEEK
    assert found.message == "mean_absolute_error is 1.25, at training it was 1"


@pytest.mark.parametrize("errors", [(1.3, 1.0), (1.0, 1.3), (1.19, 1.19), (0.5, 0.5)])
def test_one_bad_week_or_a_little_worse_is_not(
    manifest: Manifest, version: Version, now: datetime, errors: tuple[float, float]
) -> None:
    weeks = [window(now, week, **error(value)) for week, value in enumerate(errors)]
    assert find_decay(manifest, DECAY, version, weeks) is None


@pytest.mark.parametrize("labelled", [49, 79])
def test_a_week_whose_labels_have_not_come_is_not_judged(
    manifest: Manifest, version: Version, now: datetime, labelled: int
) -> None:
    weeks = [window(now, 0, **error(2.0)), window(now, 1, labelled=labelled, **error(2.0))]
    assert find_decay(manifest, DECAY, version, weeks) is None


def test_bad_weeks_with_a_silent_one_between_prove_nothing(manifest: Manifest, version: Version, now: datetime) -> None:
    weeks = [window(now, 0, **error(2.0)), window(now, 2, **error(2.0))]
    assert find_decay(manifest, DECAY, version, weeks) is None


def test_a_version_without_the_metric_cannot_decay(manifest: Manifest, version: Version, now: datetime) -> None:
    weeks = [window(now, week, **error(9.0)) for week in range(3)]
    assert find_decay(manifest, DECAY, replace(version, metrics={}), weeks) is None


def drifts(*values: float) -> dict[str, Any]:
    items = [
        {
            "feature": f"f{index}", "method": "psi", "value": value, "threshold": 0.1, "noise": 0.05,
            "drifted": value > 0.1, "n_reference": 1000, "n_window": 100,
        }
        for index, value in enumerate(values)
    ]  # fmt: skip
    return {"drift": items, "drifted": sum(item["drifted"] for item in items)}


def test_drift_is_judged_by_the_triggers_own_threshold(manifest: Manifest, version: Version, now: datetime) -> None:
    assert find_drift(manifest, DRIFT, version, [window(now, 0, **drifts(0.3, 0.2, 0.2))]) is None
    found = find_drift(manifest, DRIFT, version, [window(now, 0, **drifts(0.3, 0.4, 0.2))])
    assert found is not None
    assert found.evidence["psi"] == {"f0": 0.3, "f1": 0.4}


def test_a_window_with_too_few_rows_to_judge_is_passed_over(
    manifest: Manifest, version: Version, now: datetime
) -> None:
    weeks = [window(now, 0, **drifts(0.3, 0.4)), window(now, 1, drifted=None)]
    found = find_drift(manifest, DRIFT, version, weeks)
    assert found is not None and found.at == now


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimated(Window):
    """A window for which performance was estimated."""

    performance: list[dict[str, Any]] = field(default_factory=list)


def estimated(now: datetime, week: int, value: float, *, labelled: int = 0, error: float = 0.01) -> Window:
    plain = window(now, week, labelled=labelled, metrics={"mean_absolute_error": 1.0} if labelled else {})
    values = {item.name: getattr(plain, item.name) for item in fields(Window)}
    item = {"metric": "mean_absolute_error", "kind": "estimated", "value": value, "n": 100, "standard_error": error}
    of_slice = item | {"value": 99.0, "slice": "ship=a"}
    return Estimated(**values | {"performance": [of_slice, item]})


def test_decay_by_the_estimate_only_where_the_trigger_asks_for_it(
    manifest: Manifest, version: Version, now: datetime
) -> None:
    weeks = [estimated(now, 0, 1.3), estimated(now, 1, 1.4)]
    assert find_decay(manifest, DECAY, version, weeks) is None
    found = find_decay(manifest, replace(DECAY, on_estimate=True), version, weeks)
    assert found is not None
    assert found.message == "mean_absolute_error is estimated at 1.4, at training it was 1"
    assert len(found.evidence["estimated"]) == 2


def test_labels_count_more_than_the_estimate_and_an_unsure_estimate_counts_for_nothing(
    manifest: Manifest, version: Version, now: datetime
) -> None:
    spec = replace(DECAY, on_estimate=True)
    assert find_decay(manifest, spec, version, [estimated(now, 0, 1.3), estimated(now, 1, 1.4, labelled=100)]) is None
    unsure = [estimated(now, week, 1.3, error=0.4) for week in (0, 1)]
    assert find_decay(manifest, spec, version, unsure) is None


@pytest.mark.parametrize(
    ("rows", "value", "loss"),
    [(100, 1.0, False), (100, 1.25, False), (100, 1.4, True), (10_000, 1.09, False), (10_000, 1.12, True)],
)
def test_drift_says_whether_the_model_has_become_worse_by_more_than_chance(
    manifest: Manifest, version: Version, now: datetime, rows: int, value: float, loss: bool
) -> None:
    week = window(now, 0, rows=rows, labelled=rows, **drifts(0.3, 0.4), **error(value))
    found = find_drift(manifest, DRIFT, version, [week])
    assert found is not None and found.evidence["loss"] is loss


def test_drift_without_labels_does_not_know_whether_it_does_harm(
    manifest: Manifest, version: Version, now: datetime
) -> None:
    found = find_drift(manifest, DRIFT, version, [window(now, 0, labelled=0, metrics={}, **drifts(0.3, 0.4))])
    assert found is not None and found.evidence["loss"] is None
