"""Read and check `[rollout]`, `[rollout.analysis]` and `[[rollout.checks]]` of a pipeline.toml."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import timedelta
from itertools import pairwise
from typing import Any

from quarterdeck.core.manifest import OPERATIONAL, AnalysisSpec, CheckSpec, Promotion, RolloutSpec, Strategy
from quarterdeck.core.manifest_service import flag, read_service
from quarterdeck.core.toml_lines import KeyPath
from quarterdeck.core.toml_table import Table, expected_names, is_name, shown

# Every key that the tables may have; the documentation is tested against these.
ROLLOUT_KEYS = (
    "strategy",
    "promote",
    "steps",
    "shadow_first",
    "weight",
    "approvals",
    "minimum_labels",
    "maximum_labels",
    "alpha",
    "bake",
    "analysis",
    "checks",
    "service",
)
ANALYSIS_KEYS = (
    "interval",
    "delay",
    "count",
    "failure_limit",
    "inconclusive_limit",
    "consecutive_errors",
    "minimum_requests",
)
SUCCESS_KEYS = ("min", "max")
FAILURE_KEYS = ("fail_below", "fail_above")
CHECK_KEYS = ("measure", *SUCCESS_KEYS, *FAILURE_KEYS)
_ONLY_OF: dict[str, Strategy] = {
    "steps": Strategy.CANARY,
    "shadow_first": Strategy.CANARY,
    "weight": Strategy.AB,
}


def read_rollout(table: Table, metrics: Collection[str]) -> RolloutSpec:
    """The table as a value; what is wrong goes to the table's problems.

    `metrics`: the names that a comparison measures, the task's and the gates'; a check of another one would wait for
    a value for ever.
    """
    table.only(ROLLOUT_KEYS)
    default = RolloutSpec()
    strategy = table.choice("strategy", Strategy.DIRECT)
    for key, only in _ONLY_OF.items():
        if key in table and strategy is not only:
            table.wrong(key, f'says nothing with strategy = "{strategy}"; expected only with "{only}"')
    return RolloutSpec(
        strategy=strategy,
        promote=table.choice("promote", Promotion.MANUAL),
        steps=_steps(table, default.steps),
        shadow_first=flag(table, "shadow_first"),
        weight=table.number(
            "weight", default.weight, expected="a percentage above 0, below 100", check=lambda share: 0 < share < 100
        ),
        approvals=table.integer("approvals", 0, minimum=0, maximum=2),
        minimum_labels=_minimum_labels(table, strategy, default.minimum_labels),
        maximum_labels=table.integer("maximum_labels", default.maximum_labels, minimum=2),
        alpha=table.number(
            "alpha",
            default.alpha,
            expected="a number above 0, up to 0.5",
            check=lambda share: 0 < share <= 0.5,
        ),
        analysis=_analysis(table.table("analysis")),
        checks=_checks(table, (*OPERATIONAL, *metrics)) or default.checks,
        bake=table.duration("bake", None),
        service=read_service(table.table("service")) if "service" in table else None,
    )


def _minimum_labels(table: Table, strategy: Strategy, default: int) -> int:
    if table.values.get("minimum_labels") == 0 and strategy is Strategy.CANARY and not flag(table, "shadow_first"):
        return 0  # its checks alone decide
    return table.integer("minimum_labels", default, minimum=2)


def _steps(table: Table, default: tuple[float, ...]) -> tuple[float, ...]:
    """Percents of the traffic, each greater than the one before."""
    found = table.values.get("steps")
    if found is None:
        return default
    percents = found if isinstance(found, list) else []
    if percents and all(map(_is_percent, percents)) and percents[0] < 100 and _ascends(percents):
        return tuple(float(percent) for percent in percents)
    value = f"[{', '.join(map(shown, percents))}]" if percents else shown(found)
    expected = "percents above 0, up to 100, each greater than the one before, such as [5, 25, 50, 100]"
    table.wrong("steps", f"is {value}; expected {expected}")
    return default


def _is_percent(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 < value <= 100


def _ascends(percents: list[float]) -> bool:
    return all(low < high for low, high in pairwise(percents))


def _analysis(table: Table) -> AnalysisSpec:
    table.only(ANALYSIS_KEYS)
    default = AnalysisSpec()
    return AnalysisSpec(
        interval=table.duration("interval", default.interval),
        delay=timedelta(0) if table.values.get("delay") == "0s" else table.duration("delay", default.delay),
        count=table.integer("count", default.count, minimum=1, maximum=10_000),
        failure_limit=table.integer("failure_limit", default.failure_limit, minimum=0),
        inconclusive_limit=table.integer("inconclusive_limit", default.inconclusive_limit, minimum=0),
        consecutive_errors=table.integer("consecutive_errors", default.consecutive_errors, minimum=0),
        minimum_requests=table.integer("minimum_requests", default.minimum_requests, minimum=1),
    )


def _checks(rollout: Table, measures: Collection[str]) -> tuple[CheckSpec, ...]:
    seen: dict[str, KeyPath] = {}
    checks = []
    for table in rollout.tables("checks"):
        check = _check(table, measures)
        if check.measure and seen.setdefault(check.measure, table.path) != table.path:
            line = rollout.problems.document.line_of(seen[check.measure])
            table.wrong("measure", f'is "{check.measure}", which the check in line {line} has; expected another one')
        checks.append(check)
    return tuple(checks)


def _check(table: Table, measures: Collection[str]) -> CheckSpec:
    table.only(CHECK_KEYS)
    table.require("measure")
    if not any(key in table for key in (*SUCCESS_KEYS, *FAILURE_KEYS)):
        table.problems.add(table.path, f"[[rollout.checks]] has no bound; expected one of {', '.join(CHECK_KEYS[1:])}")
    measure = table.text("measure", "", expected="the name of what is measured", check=is_name)
    if measure and measure not in measures:
        known = expected_names(measure, measures)
        table.wrong("measure", f'is "{measure}"; {known}. A KPI is known where a gate asks for it')
    check = CheckSpec(
        measure=measure,
        minimum=table.number("min", None),
        maximum=table.number("max", None),
        fail_below=table.number("fail_below", None),
        fail_above=table.number("fail_above", None),
    )
    _in_order(table, check.minimum, check.maximum, "max", "min")
    _in_order(table, check.fail_below, check.minimum, "fail_below", "min", below=True)
    _in_order(table, check.maximum, check.fail_above, "fail_above", "max")
    _in_order(table, check.fail_below, check.fail_above, "fail_above", "fail_below")
    return check


def _in_order(
    table: Table, low: float | None, high: float | None, key: str, other: str, *, below: bool = False
) -> None:
    """Report bounds that no value could meet, or that overlap."""
    if low is not None and high is not None and low > high:
        found = low if below else high
        table.wrong(
            key, f"is {found:g}; expected {'at most' if below else 'at least'} `{other}`, {table.values[other]}"
        )
