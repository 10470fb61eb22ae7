"""The method that fits, the correction over a window's features, and the PSI kept beside."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from quarterdeck.core.drift.choose import choose_method
from quarterdeck.core.drift.dataset import DatasetDrift, dataset_verdict
from quarterdeck.core.drift.judge import judge_features
from quarterdeck.core.drift.verdict import DriftResult
from quarterdeck.core.drift_spec import DriftMethod, DriftSpec, FeatureDriftSpec
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.profile import Profile, build_profile, count
from quarterdeck.core.values import Task

SIGNATURE = Signature(
    fields=(
        Field(name="number", kind=FieldKind.NUMBER),
        Field(name="grade", kind=FieldKind.INTEGER),
        Field(name="flag", kind=FieldKind.BOOLEAN),
        Field(name="side", kind=FieldKind.STRING),
        Field(name="letter", kind=FieldKind.STRING),
    ),
    task=Task.BINARY,
    target="y",
)


def columns(rng: np.random.Generator, n: int, *, shift: float = 0.0) -> dict[str, Any]:
    return {
        "number": rng.normal(shift, 1, n),
        "grade": rng.integers(1, 5, n),
        "flag": (rng.random(n) < 0.4 + shift / 5).tolist(),
        "side": rng.choice(["left", "right"], n).tolist(),
        "letter": rng.choice(list("abcdef"), n).tolist(),
    }


def profile_of(n: int) -> Profile:
    return build_profile(columns(np.random.default_rng(1), n), SIGNATURE)


@pytest.mark.parametrize(
    ("rows", "methods"),
    [
        (1_000, ["kolmogorov_smirnov", "chi_square", "proportions", "proportions", "chi_square"]),
        (1_001, ["wasserstein", *["jensen_shannon"] * 4]),
    ],
)
def test_the_method_follows_kind_and_size(rows: int, methods: list[str]) -> None:
    profile = profile_of(rows)
    assert [choose_method(feature).value for feature in profile.features] == methods
    results = judge_features(profile, count(profile, columns(np.random.default_rng(2), 300)))
    assert [result.method for result in results] == methods
    assert not any(result.drifted for result in results)
    assert all(result.psi is not None and result.psi_noise is not None for result in results)


def test_a_method_that_does_not_fit_gives_way_to_the_default() -> None:
    number, _, flag, _, letter = profile_of(5_000).features
    assert choose_method(letter, DriftMethod.WASSERSTEIN) is DriftMethod.JENSEN_SHANNON
    assert choose_method(letter, DriftMethod.PROPORTIONS) is DriftMethod.JENSEN_SHANNON
    assert choose_method(number, DriftMethod.CHI_SQUARE) is DriftMethod.CHI_SQUARE
    assert choose_method(flag, DriftMethod.PROPORTIONS) is DriftMethod.PROPORTIONS


@pytest.mark.parametrize("method", [method for method in DriftMethod if method is not DriftMethod.AUTO])
@pytest.mark.parametrize("rows", [900, 20_000])
def test_every_method_sees_a_move_and_no_method_sees_one_that_is_not_there(method: DriftMethod, rows: int) -> None:
    profile, rng = profile_of(rows), np.random.default_rng(3)
    spec = DriftSpec(method=method)
    moved = judge_features(profile, count(profile, columns(rng, 2_000, shift=1.0)), spec)
    assert {result.feature for result in moved if result.drifted} >= {"number"}
    still = judge_features(profile, count(profile, columns(rng, 2_000)), spec)
    assert [result.feature for result in still if result.drifted] == []


def test_a_features_own_method_and_threshold_go_before_the_pipelines() -> None:
    profile = profile_of(5_000)
    spec = DriftSpec(
        method=DriftMethod.PSI, threshold=0.3, ignore=("side",), alpha=0.01,
        features={
            "number": FeatureDriftSpec(method=DriftMethod.KOLMOGOROV_SMIRNOV),
            "grade": FeatureDriftSpec(threshold=0.7),
        },
    )  # fmt: skip
    found = judge_features(profile, count(profile, columns(np.random.default_rng(2), 300)), spec)
    assert [(item.feature, item.method, item.threshold) for item in found] == [
        ("number", "kolmogorov_smirnov", 0.01), ("grade", "psi", 0.7), ("flag", "psi", 0.3), ("letter", "psi", 0.3),
    ]  # fmt: skip


def test_the_p_values_of_a_window_are_corrected_together() -> None:
    profile = profile_of(1_000)
    results = judge_features(profile, count(profile, columns(np.random.default_rng(2), 300)))
    for result in results:
        assert result.kind == "test"
        assert result.p_value is not None
        assert result.q_value is not None
        assert result.p_value <= result.q_value <= 5 * result.p_value + 1e-12
        assert result.drifted is (result.q_value <= 0.05)


def test_rows_of_one_source_drift_in_no_more_windows_than_the_correction_promises() -> None:
    rng, alarms = np.random.default_rng(8), 0
    for _ in range(20):
        profile = build_profile(columns(rng, 1_000), SIGNATURE)
        for _ in range(20):
            alarms += any(item.drifted for item in judge_features(profile, count(profile, columns(rng, 100))))
    assert alarms / 400 <= 0.08


def test_an_empty_window_is_not_measured_and_has_not_drifted() -> None:
    for rows in (500, 5_000):
        profile = profile_of(rows)
        empty = count(profile, {name: [] for name in profile.names})
        for item in judge_features(profile, empty):
            assert (item.value, item.drifted) == (None, False)


def test_a_window_that_lost_its_values_drifts_by_psi_at_least() -> None:
    profile = profile_of(5_000)
    window = columns(np.random.default_rng(2), 500) | {"number": [None] * 500}
    result = judge_features(profile, count(profile, window))[0]
    assert (result.method, result.value) == ("wasserstein", None)
    assert result.psi is not None
    assert result.psi > 1


def test_the_data_set_drifts_where_enough_features_do() -> None:
    profile = profile_of(5_000)
    results = judge_features(profile, count(profile, columns(np.random.default_rng(2), 3_000, shift=2.0)))
    assert dataset_verdict(results, 0.4) == (0.4, True, ("number", "flag"))
    assert dataset_verdict(results, 0.5) == (0.4, False, ("number", "flag"))
    assert dataset_verdict([], 0.5) == (None, False, ())


def test_results_survive_json_and_those_of_earlier_releases_are_read() -> None:
    profile = profile_of(1_000)
    for result in judge_features(profile, count(profile, columns(np.random.default_rng(2), 300))):
        assert DriftResult.from_json(result.to_json()) == result
    old = {
        "feature": "a", "method": "psi", "value": 0.3, "threshold": 0.25, "noise": 0.1, "drifted": True,
        "n_reference": 1_000, "n_window": 500,
    }  # fmt: skip
    read = DriftResult.from_json(old)
    assert (read.psi, read.psi_noise, read.kind) == (0.3, 0.1, "distance")
    found = DatasetDrift(share=0.5, threshold=0.5, drifted=True, features=("a",), prediction=read)
    assert DatasetDrift.from_json(found.to_json()) == found


def test_a_window_of_twenty_five_features_is_judged_in_milliseconds() -> None:
    names = [f"n{number}" for number in range(25)]
    signature = Signature(
        fields=tuple(Field(name=name, kind=FieldKind.NUMBER) for name in names), task=Task.BINARY, target="y"
    )
    rng = np.random.default_rng(1)
    profile = build_profile({name: rng.normal(size=5_000) for name in names}, signature)
    window = count(profile, {name: rng.normal(size=500) for name in names})
    judge_features(profile, window)
    taken = []
    for _ in range(20):
        began = time.perf_counter()
        judge_features(profile, window)
        taken.append(time.perf_counter() - began)
    assert min(taken) < 0.005  # 1 ms on an idle machine: benchmarks/bench_monitoring.py
