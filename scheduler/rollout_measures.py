"""What a look of a rollout's analysis measures: errors and latency from the prediction log, metrics and KPIs from the
comparison or, after the promotion, from the monitor's windows.

Nobody waits for a shadow's answer, so its latency is not checked. After the promotion the latency is held against what
the champion before had, and KPIs are not checked: they are the comparison's, which has ended.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from quarterdeck.core.duel import DuelVerdict
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.manifest import ERROR_RATE, OPERATIONAL, P99_MS, P99_RATIO, CheckSpec
from quarterdeck.core.metrics.families import every_name
from quarterdeck.core.rollout import Rollout, StepKind
from quarterdeck.core.rollout_looks import Look, LookOutcome, LookResult, Measured, judge_look
from quarterdeck.core.values import CLIENT_ARMS, Arm, Task
from quarterdeck.scheduler.state import State
from quarterdeck.store import registry, windows
from quarterdeck.store.traffic import micros
from quarterdeck.store.traffic_holds import BEFORE
from quarterdeck.store.traffic_queries import ArmFigures, arm_figures

LATENCY = (P99_MS, P99_RATIO)
QUICK_MS = 1.0  # of the champion's p99: below it the machine's noise is greater than what a model takes
BAKE_LABELS = 50  # of a window; fewer say nothing about a metric


def look_at(state: State, rollout: Rollout, window: tuple[datetime, datetime], verdict: DuelVerdict | None) -> Look:
    """Measure a window and judge it. What cannot be measured gives an ERROR with the reason, not an exception."""
    since, until = window
    try:
        checks = checks_of(rollout, _task(state, rollout))
        measures = measure(state, rollout, since, until, verdict)
        result = judge_look(checks, measures)
    except (QuarterdeckError, SQLAlchemyError, OSError) as error:
        result = LookResult(outcome=LookOutcome.ERROR, reason=f"it could not be measured: {error}", measures=())
    return Look(since=since, until=until, result=result)


def checks_of(rollout: Rollout, task: Task) -> tuple[CheckSpec, ...]:
    """The checks that say something in the rollout's step."""
    kind, checks = rollout.current.kind, rollout.spec.checks
    if kind is StepKind.SHADOW:
        return tuple(check for check in checks if check.measure not in LATENCY)
    if kind is StepKind.BAKE:
        known = (*OPERATIONAL, *every_name(task))
        return tuple(check for check in checks if check.measure in known)
    return checks


def measure(
    state: State, rollout: Rollout, since: datetime, until: datetime, verdict: DuelVerdict | None
) -> dict[str, Measured]:
    """Every measure that there is of a window [since, until), by name."""
    wanted = {check.measure for check in rollout.spec.checks}
    found = _operational(state, rollout, since, until, ratio=P99_RATIO in wanted)
    named = wanted - set(OPERATIONAL)
    if named and rollout.current.kind is StepKind.BAKE:
        return found | _of_windows(state, rollout)
    if named and verdict is not None:
        return found | _of_comparison(rollout, verdict)
    return found


def _operational(
    state: State, rollout: Rollout, since: datetime, until: datetime, *, ratio: bool
) -> dict[str, Measured]:
    floor = rollout.spec.analysis.minimum_requests
    own = _figures(state, rollout, rollout.version, rollout.current.arms, since, until)
    answered = own.requests - own.failures
    found = {
        ERROR_RATE: Measured(value=own.error_rate, n=own.requests, floor=floor),
        P99_MS: Measured(value=own.p99_ms, n=answered, floor=floor),
    }
    base = _baseline(state, rollout, since, until) if ratio else None
    if base is not None:
        slower = None if own.p99_ms is None or base.p99_ms is None else own.p99_ms / max(base.p99_ms, QUICK_MS)
        found[P99_RATIO] = Measured(value=slower, n=min(answered, base.requests - base.failures), floor=floor)
    return found


def _baseline(state: State, rollout: Rollout, since: datetime, until: datetime) -> ArmFigures | None:
    """The champion's figures beside the challenger's; after the promotion, the former champion's before it."""
    if rollout.champion is None:
        return None
    if rollout.current.kind is not StepKind.BAKE:
        return _figures(state, rollout, rollout.champion, (Arm.CHAMPION,), since, until)
    promoted = rollout.step_since
    return _figures(state, rollout, rollout.champion, CLIENT_ARMS, promoted - BEFORE, promoted)


def _figures(
    state: State, rollout: Rollout, version: int, arms: tuple[Arm, ...], since: datetime, until: datetime
) -> ArmFigures:
    with state.traffic.read() as tx:
        return arm_figures(tx, rollout.model, version, arms=arms, since=micros(since), until=micros(until))


def _of_comparison(rollout: Rollout, verdict: DuelVerdict) -> dict[str, Measured]:
    """The challenger's metrics and KPIs on the labelled rows of the comparison."""
    floor = max(rollout.spec.minimum_labels, 1)
    n = verdict.n if verdict.challenger_side is None else verdict.challenger_side.n
    found = {name: Measured(value=value, n=n, floor=floor, unit="labels") for name, value in verdict.challenger.items()}
    for kpi in verdict.kpis:
        problem = kpi.problem if kpi.challenger is None and kpi.n >= floor else None
        found[kpi.name] = Measured(value=kpi.challenger, n=kpi.n, floor=floor, unit="labels", error=problem)
    return found


def _of_windows(state: State, rollout: Rollout) -> dict[str, Measured]:
    """The new champion's metrics in its newest labelled window."""
    with state.database.read() as tx:
        found = windows.last(tx, rollout.model, version=rollout.version)
    newest = next((window for window in reversed(found) if window.metrics), None)
    if newest is None:
        return {}
    return {
        name: Measured(value=value, n=newest.labelled, floor=BAKE_LABELS, unit="labels")
        for name, value in newest.metrics.items()
    }


def _task(state: State, rollout: Rollout) -> Task:
    with state.database.read() as tx:
        return registry.get(tx, rollout.model, rollout.version).signature.task
