"""Gates on what will be served: its size, how fast it answers, and whether it works where it will run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from quarterdeck.core.errors import RefusedError
from quarterdeck.core.gate_kinds import LATENCIES, MEMORY_MB, SECONDS, SIZE, TARGET
from quarterdeck.core.gates import GateResult, judge_bound
from quarterdeck.core.manifest import GateSpec
from quarterdeck.core.probe import ProbeReport
from quarterdeck.core.values import Direction, Outcome

TOLERANCE = 1e-5  # between two engines' scores, relative, as a conversion is allowed
FEWEST_QUERIES = 30
MB = 1_000_000


def judge_served(
    spec: GateSpec,
    *,
    size_bytes: int | None,
    report: ProbeReport | None,
    expected_scores: Sequence[float] = (),
    expected_labels: Sequence[str | int] | None = None,
    packages: Mapping[str, str] | None = None,
) -> GateResult:
    """Judge one of gate_kinds.SERVED. What was not measured is HOLD; what could not be loaded or queried is FAIL.

    `expected_*`: the training engine's answers to the reference rows. `packages`: the versions that it had, so that
    the reason can name those that differ. Raises RefusedError for another metric.
    """
    if spec.metric == SIZE:
        value = None if size_bytes is None else size_bytes / MB
        result = judge_bound(metric=SIZE, value=value, n=1, maximum=spec.maximum, owner=spec.owner)
    elif spec.metric in LATENCIES:
        result = _judge_latency(spec, report)
    elif spec.metric == TARGET:
        result = _judge_target(spec, report, expected_scores, expected_labels, packages or {})
    else:
        raise RefusedError(f"{spec.metric} is not asked of the served model", where=spec.where)
    return replace(result, key=spec.key)


def _judge_latency(spec: GateSpec, report: ProbeReport | None) -> GateResult:
    times = () if report is None else report.latencies_ms
    value, interval = quantile_interval(times, LATENCIES[spec.metric])
    result = judge_bound(
        metric=spec.metric, value=value, n=len(times), maximum=spec.maximum, owner=spec.owner, interval=interval
    )
    if report is not None and report.problem is not None:
        return replace(result, outcome=Outcome.FAIL, reason=report.problem)
    if 0 < len(times) < FEWEST_QUERIES:
        reason = f"{len(times)} queries are too few; {FEWEST_QUERIES} are needed"
        return replace(result, outcome=Outcome.HOLD, reason=reason, rows_needed=FEWEST_QUERIES - len(times))
    return result


def quantile_interval(
    values: Sequence[float], share: float, *, confidence: float = 0.95
) -> tuple[float | None, tuple[float, float] | None]:
    """The quantile of n values, and its one-sided bounds, each at `confidence`, by order statistics.

    Distribution-free: the number of values below the quantile is binomial (Conover 1999, section 3.2). Where n is too
    small for a bound it is the least or the greatest value, whose confidence is then less. No values: (None, None).
    """
    if not values:
        return None, None
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    low = int(stats.binom.ppf(1 - confidence, n, share)) - 1
    high = int(stats.binom.ppf(confidence, n, share))
    bounds = float(ordered[max(low, 0)]), float(ordered[min(high, n - 1)])
    value = float(ordered[max(math.ceil(share * n) - 1, 0)])  # at least `share` of the values are no greater
    return value, (min(bounds[0], value), max(bounds[1], value))


def _judge_target(
    spec: GateSpec,
    report: ProbeReport | None,
    expected_scores: Sequence[float],
    expected_labels: Sequence[str | int] | None,
    packages: Mapping[str, str],
) -> GateResult:
    memory, seconds = spec.memory_mb or MEMORY_MB, spec.seconds or SECONDS
    blank = GateResult(
        gate=f"works in the target's environment within {memory:g} MB and {seconds:g} s",
        metric=TARGET,
        outcome=Outcome.HOLD,
        statistic=None if report is None else report.memory_mb,
        threshold=memory,
        direction=Direction.LOWER,
        n=0 if report is None else len(report.scores),
        reason="the model was not loaded: nothing was measured",
        owner=spec.owner,
    )
    if report is None:
        return blank
    problem = report.problem or _over(report, memory, seconds) or _differs(report, expected_scores, expected_labels)
    if problem is not None:
        return replace(blank, outcome=Outcome.FAIL, reason=f"{problem} ({_environment(report, packages)})")
    reason = (
        f"{len(report.scores)} reference rows answered as in training; loaded in {report.seconds or 0:.2g} s with "
        f"{report.memory_mb or 0:.0f} MB ({_environment(report, packages)})"
    )
    return replace(blank, outcome=Outcome.PASS, reason=reason)


def _over(report: ProbeReport, memory: float, seconds: float) -> str | None:
    if report.memory_mb is None or report.seconds is None:
        return "memory and time could not be measured there"
    if report.memory_mb > memory:
        return f"it takes {report.memory_mb:.0f} MB, above {memory:g}"
    if report.seconds > seconds:
        return f"it takes {report.seconds:.2g} s to load and answer, above {seconds:g}"
    return None


def _differs(report: ProbeReport, scores: Sequence[float], labels: Sequence[str | int] | None) -> str | None:
    """How the answers differ from those of training, or None."""
    if len(report.scores) != len(scores):
        return f"it answers {len(report.scores)} of {len(scores)} reference rows"
    if labels is not None and list(report.labels or ()) != list(labels):
        return "its labels on the reference rows differ from those of training"
    own, other = np.asarray(report.scores), np.asarray(scores, dtype=np.float64)
    sizes = np.abs(other)
    floor = max(float(sizes.max(initial=0.0)) / 1000, float(np.finfo(np.float64).tiny))
    greatest = float(np.nan_to_num(np.abs(own - other) / np.maximum(sizes, floor), nan=np.inf).max(initial=0.0))
    return f"its scores differ from those of training by {greatest:.1e}" if greatest > TOLERANCE else None


def _environment(report: ProbeReport, packages: Mapping[str, str]) -> str:
    """ "Python 3.11.9, onnxruntime 1.30.0, ONNX opset 21", with the versions of training where those differ."""
    parts = [f"Python {report.python}"] if report.python else []
    for name, version in sorted(report.packages.items()):
        trained = packages.get(name, version)
        parts.append(f"{name} {version}" + (f", trained with {trained}" if trained != version else ""))
    if report.opset is not None:
        parts.append(f"ONNX opset {report.opset}")
    return ", ".join(parts) or "nothing is known of the environment"
