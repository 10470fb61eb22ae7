"""What a window's counts and labels say about the data set, the model's answers and the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from quarterdeck.core.drift.dataset import DatasetDrift
from quarterdeck.core.drift_spec import DriftMethod, DriftSpec, FeatureDriftSpec
from quarterdeck.core.manifest import Manifest, MonitoringSpec, TriggerSpec
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import Counts, Profile, build_profile, count
from quarterdeck.core.values import Task, TriggerKind
from quarterdeck.scheduler.judging import Judged, judge_window

SIGNATURE = Signature(
    fields=(Field(name="x", kind=FieldKind.NUMBER), Field(name="s", kind=FieldKind.STRING)),
    task=Task.MULTICLASS, target="kind", classes=("a", "b", "c"),
)  # fmt: skip


def rows(rng: np.random.Generator, n: int, *, shift: float = 0.0) -> dict[str, Any]:
    return {"x": rng.normal(shift, 1, n), "s": rng.choice(["u", "v"], n).tolist()}


def classes(rng: np.random.Generator, n: int, *shares: float) -> list[str]:
    return list(rng.choice(["a", "b", "c"], n, p=shares).tolist())


def profile_of(rng: np.random.Generator) -> Profile:
    answers = classes(rng, 2_000, 0.2, 0.3, 0.5)
    return build_profile(rows(rng, 5_000), SIGNATURE, rng.beta(5, 2, 2_000), answers=answers, target=answers)


def manifest(drift: DriftSpec, *triggers: TriggerSpec) -> Manifest:
    return Manifest(
        name="m", task=Task.MULTICLASS, target="kind", steps=(), folder=Path(), triggers=triggers,
        monitoring=MonitoringSpec(drift=drift),
    )  # fmt: skip


def judged(counts: Counts, profile: Profile, labels: list[Any], drift: DriftSpec | None = None) -> Judged:
    return judge_window(profile, counts, manifest(drift or DriftSpec()), labels=labels)


def test_score_answer_and_truth_are_judged_apart_from_the_features() -> None:
    rng = np.random.default_rng(1)
    profile = profile_of(rng)
    counts = count(
        profile, rows(rng, 600), scores=rng.beta(5, 2, 600), answers=classes(rng, 600, 0.8, 0.1, 0.1)
    )  # fmt: skip
    found = judged(counts, profile, classes(rng, 600, 0.2, 0.3, 0.5))
    whole = DatasetDrift.from_json(found.dataset_drift)
    assert whole.prediction is not None and whole.answer is not None and whole.target is not None
    assert (whole.prediction.drifted, whole.answer.drifted, whole.target.drifted) == (False, True, False)
    assert (found.drifted, whole.drifted, whole.share) == (0, False, 0.0)
    moved = judged(counts, profile, classes(rng, 600, 0.6, 0.3, 0.1))
    assert moved.dataset_drift["target"]["drifted"]


def test_too_few_labels_or_none_of_the_kind_are_no_target_drift() -> None:
    rng = np.random.default_rng(1)
    profile = profile_of(rng)
    counts = count(profile, rows(rng, 600))
    assert judged(counts, profile, ["a"] * 49).dataset_drift["target"] is None
    assert judged(counts, profile, ["a"] * 50).dataset_drift["target"]["drifted"]
    numbers = Signature(fields=SIGNATURE.fields, task=Task.REGRESSION, target="y")
    measured = build_profile(rows(rng, 500), numbers, target=rng.normal(size=500))
    assert judged(count(measured, rows(rng, 600)), measured, ["no number"] * 60).dataset_drift["target"] is None


def test_the_data_set_drifts_from_the_share_that_the_manifest_names() -> None:
    rng = np.random.default_rng(1)
    profile = profile_of(rng)
    counts = count(profile, rows(rng, 600, shift=2))
    assert judged(counts, profile, []).dataset_drift["drifted"]
    assert not judged(counts, profile, [], DriftSpec(share=0.75)).dataset_drift["drifted"]


def test_what_the_manifest_names_and_the_model_does_not_take_is_noted() -> None:
    rng = np.random.default_rng(1)
    profile = profile_of(rng)
    own = {"s": FeatureDriftSpec(method=DriftMethod.WASSERSTEIN), "gone": FeatureDriftSpec(threshold=0.3)}
    notes = judged(count(profile, rows(rng, 99)), profile, [], DriftSpec(ignore=("lost",), features=own)).dataset_drift[
        "notes"
    ]
    assert list(notes) == [
        "[monitoring.drift] names 'lost', which the model does not take",
        "[monitoring.drift] names 'gone', which the model does not take",
        "wasserstein does not fit 's'; the default is used",
    ]


def test_by_psi_the_lowest_threshold_of_a_drift_trigger_holds() -> None:
    rng = np.random.default_rng(1)
    profile = profile_of(rng)
    counts = count(profile, rows(rng, 600))
    trigger = TriggerSpec(name="drift", kind=TriggerKind.DRIFT, threshold=0.4)
    asked = manifest(DriftSpec(method=DriftMethod.PSI), trigger)
    assert {item["threshold"] for item in judge_window(profile, counts, asked).drift} == {0.4}


def test_classes_are_the_same_whether_they_come_as_numbers_or_truth_values() -> None:
    signature = Signature(fields=SIGNATURE.fields, task=Task.BINARY, target="late", classes=(0, 1))
    rng = np.random.default_rng(1)
    profile = build_profile(rows(rng, 400), signature, target=[0, 1, 1, 1] * 100)
    counts = count(profile, rows(rng, 400))
    for labels in ([0, 1, 1, 1], [0.0, 1.0, 1.0, 1.0], [False, True, True, True]):
        assert not judged(counts, profile, labels * 100).dataset_drift["target"]["drifted"]
