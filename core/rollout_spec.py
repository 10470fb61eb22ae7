"""A rollout's specification as JSON and back: a rollout keeps the manifest's [rollout] as it was when it began."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from quarterdeck.core.manifest import AnalysisSpec, CheckSpec, Promotion, RolloutSpec, Strategy, plain_json
from quarterdeck.core.service_spec import service_of


def spec_json(spec: RolloutSpec) -> dict[str, Any]:
    """JSON values, durations in seconds."""
    found: dict[str, Any] = plain_json(spec)
    return found


def spec_of(data: dict[str, Any]) -> RolloutSpec:
    """What spec_json() gave, as a value again. Keys that an older row does not have get their defaults."""
    typed: dict[str, Any] = {
        "strategy": Strategy(data["strategy"]),
        "promote": Promotion(data["promote"]),
        "analysis": _analysis(data.get("analysis", {})),
    }
    if "steps" in data:
        typed["steps"] = tuple(float(percent) for percent in data["steps"])
    if "checks" in data:
        typed["checks"] = tuple(CheckSpec(**item) for item in data["checks"])
    if data.get("bake") is not None:
        typed["bake"] = timedelta(seconds=data["bake"])
    if data.get("service") is not None:
        typed["service"] = service_of(data["service"])
    return RolloutSpec(**(data | typed))


def _analysis(data: dict[str, Any]) -> AnalysisSpec:
    lengths: dict[str, Any] = {key: timedelta(seconds=data[key]) for key in ("interval", "delay") if key in data}
    return AnalysisSpec(**(data | lengths))


def with_strategy(spec: RolloutSpec, strategy: Strategy) -> RolloutSpec:
    """The same by another strategy. What only a canary can do without, the others get."""
    if strategy is spec.strategy:
        return spec
    labels = spec.minimum_labels or RolloutSpec().minimum_labels
    return replace(spec, strategy=strategy, shadow_first=False, minimum_labels=labels)
