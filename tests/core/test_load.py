"""What the processes of a load counted adds up, and is held against the gate."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from quarterdeck.core.load import LoadReport, Part, judge_load, together
from quarterdeck.core.manifest import plain_json
from quarterdeck.core.rollout_looks import LookOutcome
from quarterdeck.core.service_spec import LoadSpec, ServiceSpec, load_of, service_of
from quarterdeck.core.statistics.histogram import Histogram

SPEC = LoadSpec(rate=100.0)
FAST = Histogram([2_000] * 99 + [40_000])


def report(**changes: Any) -> LoadReport:
    values: dict[str, Any] = {"latency": FAST, "errors": {}, "seconds": 1.0}
    return LoadReport(**(values | changes))


def test_parts_add_up() -> None:
    found = together([
        Part(latency=Histogram([1_000, 3_000]), errors={"HTTP 500": 2}, seconds=1.0, busy=0.2, lag_ms=3.0),
        Part(latency=Histogram([2_000]), errors={"HTTP 500": 1, "ReadError": 1}, seconds=2.0, busy=0.1, lag_ms=4.0),
    ])  # fmt: skip
    assert (found.answered, found.failed, found.errors) == (3, 4, {"HTTP 500": 3, "ReadError": 1})
    assert (found.qps, found.error_rate, found.busy, found.lag_ms) == (1.5, pytest.approx(4 / 7), 0.2, 4.0)
    assert found.quantile_ms(0.5) == pytest.approx(2.0, rel=0.005)
    assert json.loads(json.dumps(found.to_json()))["latency_ms"]["max"] == 3.0


def test_a_part_survives_the_pipe_between_processes() -> None:
    data = {"latency": FAST.to_json(), "errors": {"x": 1}, "seconds": 1.0, "busy": 0.1, "lag_ms": 1.0,
            "interrupted": True}  # fmt: skip
    part = Part.from_json(json.loads(json.dumps(data)))
    assert (part.latency.n, part.errors, part.interrupted) == (100, {"x": 1}, True)


@pytest.mark.parametrize(
    ("changes", "gate", "outcome"),
    [
        ({}, {}, LookOutcome.PASS),
        ({"latency": Histogram([60_000] * 10)}, {}, LookOutcome.FAIL),
        ({"errors": {"HTTP 500": 2}}, {}, LookOutcome.FAIL),
        ({"errors": {"HTTP 500": 1}}, {}, LookOutcome.PASS),  # 1 of 101
        ({}, {"min_qps": 101.0}, LookOutcome.FAIL),
        ({}, {"min_qps": 100.0}, LookOutcome.PASS),
        ({"latency": Histogram(), "errors": {"HTTP 500": 9}}, {}, LookOutcome.FAIL),
        ({"latency": Histogram(), "seconds": 0.0}, {}, LookOutcome.HOLD),  # nothing was measured: no pass
    ],
)
def test_the_gate(changes: dict[str, Any], gate: dict[str, Any], outcome: LookOutcome) -> None:
    if changes.get("errors") == {"HTTP 500": 1}:
        changes = changes | {"latency": Histogram([2_000] * 100)}
    assert judge_load(LoadSpec(rate=100.0, **gate), report(**changes)).outcome is outcome


@pytest.mark.parametrize("limit", [{"busy": 0.97}, {"lag_ms": 30.0}])
def test_a_latency_that_the_senders_made_is_no_verdict_but_errors_are(limit: dict[str, float]) -> None:
    slow = Histogram([60_000] * 10)
    assert judge_load(SPEC, report(latency=slow, **limit)).outcome is LookOutcome.ERROR
    assert judge_load(SPEC, report(**limit)).outcome is LookOutcome.PASS
    assert judge_load(SPEC, report(latency=slow, errors={"HTTP 500": 9}, **limit)).outcome is LookOutcome.FAIL


def test_without_a_gate_it_passes() -> None:
    spec = LoadSpec(rate=1.0, p99_ms=None, error_rate=None)
    assert judge_load(spec, report(errors={"HTTP 500": 99})).reason == "no gate was asked for"


def test_specifications_survive_their_json() -> None:
    spec = ServiceSpec(test=False, load=LoadSpec(connections=4, ramp=timedelta(0), min_qps=5.0))
    assert service_of(json.loads(json.dumps(plain_json(spec)))) == spec
    assert service_of({}) == ServiceSpec()
    assert load_of({"rate": 5.0}) == LoadSpec(rate=5.0)
