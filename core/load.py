"""What driving an endpoint found, and whether that passes its gate.

A gate is judged as a look of a rollout is: PASS, FAIL, or ERROR where the load itself was not what was asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quarterdeck.core.manifest import ERROR_RATE, P99_MS, CheckSpec
from quarterdeck.core.rollout_looks import LookOutcome, LookResult, Measured, judge_look
from quarterdeck.core.service_spec import LoadSpec
from quarterdeck.core.statistics.histogram import Histogram

QPS = "qps"
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
SATURATED = 0.95  # of a core: a process that sends this much of its time measures itself
LATE = 0.5  # of the latency's bound: a process that is this late by itself cannot judge it


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadReport:
    """What the processes that sent counted, together. Requests of the ramp are not in it."""

    latency: Histogram  # microseconds, of requests that were answered with 200
    errors: Mapping[str, int]  # the others, by what went wrong
    seconds: float  # from the end of the ramp to the last answer
    busy: float = 0.0  # of its time, that the busiest process computed
    lag_ms: float = 0.0  # 99th percentile of how late the latest process was by itself; every latency has it in it
    interrupted: bool = False

    @property
    def answered(self) -> int:
        return self.latency.n

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    @property
    def qps(self) -> float | None:
        """Answers a second; None where nothing was measured."""
        return self.answered / self.seconds if self.seconds > 0 else None

    @property
    def error_rate(self) -> float | None:
        asked = self.answered + self.failed
        return self.failed / asked if asked else None

    def quantile_ms(self, share: float) -> float | None:
        found = self.latency.quantile(share)
        return None if found is None else found / 1000

    def to_json(self) -> dict[str, Any]:
        latency = {name: self.quantile_ms(share) for name, share in QUANTILES.items()}
        latency["max"] = self.latency.greatest / 1000 if self.answered else None
        return {
            "requests": self.answered + self.failed,
            "answered": self.answered,
            "errors": dict(self.errors),
            "error_rate": self.error_rate,
            "seconds": self.seconds,
            "qps": self.qps,
            "latency_ms": latency,
            "sender_busy": self.busy,
            "sender_lag_ms": self.lag_ms,
            "interrupted": self.interrupted,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What one process counted."""

    latency: Histogram
    errors: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    busy: float = 0.0
    lag_ms: float = 0.0
    interrupted: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Part:
        return cls(**(dict(data) | {"latency": Histogram.from_json(data["latency"])}))


def together(parts: Sequence[Part]) -> LoadReport:
    """The parts as one report."""
    latency, errors = Histogram(), Counter[str]()
    for part in parts:
        latency.merge(part.latency)
        errors.update(part.errors)
    return LoadReport(
        latency=latency,
        errors=dict(sorted(errors.items())),
        seconds=max((part.seconds for part in parts), default=0.0),
        busy=max((part.busy for part in parts), default=0.0),
        lag_ms=max((part.lag_ms for part in parts), default=0.0),
        interrupted=any(part.interrupted for part in parts),
    )


def judge_load(spec: LoadSpec, report: LoadReport) -> LookResult:
    """Hold a report against the gate of its specification.

    Where the processes that sent were at their limit, a latency or a rate that fails says nothing of the server: ERROR.
    """
    checks = _checks(spec)
    if not checks:
        return LookResult(outcome=LookOutcome.PASS, reason="no gate was asked for", measures=())
    result = judge_look(checks, _measured(report))
    at_limit = _at_limit(spec, report)
    if at_limit is None:
        return result
    failed = {item.measure for item in result.measures if item.outcome is LookOutcome.FAIL} - {ERROR_RATE}
    excused = {name: Measured(value=None, n=report.answered, error=at_limit) for name in failed}
    return judge_look(checks, _measured(report) | excused)


def _at_limit(spec: LoadSpec, report: LoadReport) -> str | None:
    """Why the processes that sent could not do what was asked of them; None where they could."""
    if report.busy >= SATURATED:
        return f"a process that sent used {report.busy:.0%} of a core: send from more processes, or send less"
    if spec.p99_ms is not None and report.lag_ms >= LATE * spec.p99_ms:
        return f"a process that sent was {report.lag_ms:.0f} ms late by itself: this machine has too much to do"
    return None


def _checks(spec: LoadSpec) -> tuple[CheckSpec, ...]:
    bounds = (
        (ERROR_RATE, "maximum", spec.error_rate),
        (P99_MS, "maximum", spec.p99_ms),
        (QPS, "minimum", spec.min_qps),
    )
    return tuple(CheckSpec(measure=name, **{side: bound}) for name, side, bound in bounds if bound is not None)


def _measured(report: LoadReport) -> dict[str, Measured]:
    return {
        ERROR_RATE: Measured(value=report.error_rate, n=report.answered + report.failed),
        P99_MS: Measured(value=report.quantile_ms(0.99), n=report.answered),
        QPS: Measured(value=report.qps, n=report.answered),
    }
