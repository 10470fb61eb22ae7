"""Gates on what will be served: size, latency, and the target's environment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.gate_served import judge_served, quantile_interval
from quarterdeck.core.manifest import GateSpec
from quarterdeck.core.probe import ProbeReport
from quarterdeck.core.values import Outcome

GOOD = ProbeReport(
    python="3.12.1", packages={"onnxruntime": "1.30.0"}, opset=15, memory_mb=90.0, seconds=0.2,
    latencies_ms=tuple(0.1 + 0.001 * i for i in range(100)), labels=(0, 1), scores=(0.25, 0.75),
)  # fmt: skip
TARGET = GateSpec(metric="target_compatible", memory_mb=100.0, seconds=1.0)
EXPECTED = {"expected_scores": (0.25, 0.75), "expected_labels": (0, 1)}


def test_the_size_is_in_millions_of_bytes() -> None:
    gate = GateSpec(metric="artifact_size_mb", maximum=1.5)
    found = judge_served(gate, size_bytes=1_500_000, report=None)
    assert (found.outcome, found.statistic, found.key) == (Outcome.PASS, 1.5, "artifact_size_mb max")
    assert judge_served(gate, size_bytes=1_500_001, report=None).outcome is Outcome.FAIL
    assert judge_served(gate, size_bytes=None, report=None).outcome is Outcome.HOLD


def test_a_latency_is_a_quantile_of_single_queries_with_its_interval() -> None:
    found = judge_served(GateSpec(metric="latency_p95_ms", maximum=0.2), size_bytes=1, report=GOOD)
    assert found.outcome is Outcome.PASS
    assert found.statistic == pytest.approx(0.194)
    assert found.n == 100
    assert found.interval is not None and found.interval[0] < 0.194 < found.interval[1]
    slow = judge_served(GateSpec(metric="latency_p50_ms", maximum=0.1), size_bytes=1, report=GOOD)
    assert slow.outcome is Outcome.FAIL


def test_few_queries_hold_and_a_model_that_cannot_be_queried_fails() -> None:
    gate = GateSpec(metric="latency_p99_ms", maximum=5.0)
    few = judge_served(gate, size_bytes=1, report=replace(GOOD, latencies_ms=(0.1,) * 10))
    assert (few.outcome, few.rows_needed) == (Outcome.HOLD, 20)
    hung = judge_served(gate, size_bytes=1, report=ProbeReport(problem="it had not answered after 5 s"))
    assert (hung.outcome, hung.reason) == (Outcome.FAIL, "it had not answered after 5 s")
    assert judge_served(gate, size_bytes=1, report=None).outcome is Outcome.HOLD


def test_a_target_that_answers_as_in_training_passes_and_names_what_is_there() -> None:
    found = judge_served(TARGET, size_bytes=1, report=GOOD, packages={"onnxruntime": "1.31.0"}, **EXPECTED)
    assert (found.outcome, found.statistic, found.threshold, found.n) == (Outcome.PASS, 90.0, 100.0, 2)
    for part in ("Python 3.12.1", "onnxruntime 1.30.0, trained with 1.31.0", "ONNX opset 15", "2 reference rows"):
        assert part in found.reason


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"problem": "it was killed by SIGSEGV"}, "SIGSEGV"),
        ({"memory_mb": 101.0}, "it takes 101 MB, above 100"),
        ({"seconds": 1.1}, "above 1"),
        ({"labels": (1, 1)}, "labels"),
        ({"scores": (0.25, 0.7501)}, "scores differ"),
        ({"scores": (0.25, float("nan"))}, "scores differ"),
        ({"scores": (0.25,)}, "1 of 2 reference rows"),
        ({"memory_mb": None}, "could not be measured"),
    ],
)
def test_a_target_that_is_not_as_training_was_fails_with_the_reason(changed: dict[str, object], said: str) -> None:
    report = replace(GOOD, **changed)  # type: ignore[arg-type]  # of the fields' own types
    found = judge_served(TARGET, size_bytes=1, report=report, **EXPECTED)
    assert found.outcome is Outcome.FAIL
    assert said in found.reason


def test_a_target_that_was_not_looked_at_holds() -> None:
    assert judge_served(TARGET, size_bytes=1, report=None, **EXPECTED).outcome is Outcome.HOLD


def test_a_report_survives_json() -> None:
    assert ProbeReport.from_json(GOOD.to_json()) == GOOD


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99]))
def test_the_quantile_is_one_of_the_values_and_within_its_bounds(values: list[float], share: float) -> None:
    value, interval = quantile_interval(values, share)
    assert value == np.quantile(values, share, method="inverted_cdf")
    assert interval is not None and min(values) <= interval[0] <= value <= interval[1] <= max(values)


def test_the_bounds_of_a_quantile_hold_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    truth = np.log(2)  # the median of an exponential
    found = [quantile_interval(rng.exponential(size=101).tolist(), 0.5)[1] for _ in range(400)]
    low = sum(interval[0] <= truth for interval in found if interval is not None)
    high = sum(interval[1] >= truth for interval in found if interval is not None)
    assert min(low, high) >= 0.93 * 400
