"""Read and check `[[alerts]]` of pipeline.toml or of quarterdeck.toml. Which keys one may have depends on its `on`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from quarterdeck.core.alerting_spec import (
    DEFAULTS,
    LASTING,
    OF_METRICS,
    OF_MODEL,
    OF_WINDOWS,
    OF_WORKSPACE,
    THRESHOLDS,
    AlertOn,
    AlertSpec,
)
from quarterdeck.core.toml_lines import KeyPath
from quarterdeck.core.toml_table import Table, expected_names, is_name, shown

# Every key that a rule may have; the documentation is tested against these.
ALERT_KEYS = ("on", "off", "severity", "cooldown")
METRIC_KEYS = ("metric", "min", "max", "slices")
_CRITICAL = (AlertOn.DRIFT, AlertOn.QUALITY, AlertOn.ERRORS, AlertOn.LATENCY, AlertOn.RUN, AlertOn.LOG)
ALERT_KEYS_BY_KIND: Mapping[AlertOn, tuple[str, ...]] = {
    kind: (
        *((THRESHOLDS[kind],) if kind in THRESHOLDS else ()),
        *(("critical",) if kind in _CRITICAL else ()),
        *(METRIC_KEYS if kind in OF_METRICS else ()),
        *(("windows",) if kind in OF_WINDOWS else ()),
        *(("for",) if kind in LASTING else ()),
    )
    for kind in AlertOn
}
D = TypeVar("D")
_SHARES = (AlertOn.ERRORS,)  # whose threshold is a share; the others' are numbers


def read_alerts(root: Table, *, workspace: bool = False) -> tuple[AlertSpec, ...]:
    """All rules of a file; what is wrong goes to the table's problems."""
    taken: dict[tuple[str, str], KeyPath] = {}
    found = []
    for table in root.tables("alerts"):
        kind = _kind(table, OF_WORKSPACE if workspace else OF_MODEL, elsewhere=OF_MODEL if workspace else OF_WORKSPACE)
        if kind is None:
            continue
        key = (kind.value, str(table.values.get("metric", "")))
        if taken.setdefault(key, table.path) != table.path:
            line = root.problems.document.line_of(taken[key])
            table.wrong("on", f'= "{kind}" is set already in line {line}; expected one rule{_of_metric(kind)}')
        found.append(_rule(table, kind))
    return tuple(found)


def _of_metric(kind: AlertOn) -> str:
    return " for each metric" if kind in OF_METRICS else ""


def _kind(table: Table, here: Sequence[AlertOn], *, elsewhere: Sequence[AlertOn]) -> AlertOn | None:
    table.require("on")
    found = table.values.get("on")
    names = [kind.value for kind in here]
    if found is None:
        return None
    if found in names:
        return AlertOn(found)
    if found in [kind.value for kind in elsewhere]:
        other = "pipeline.toml" if found in list(OF_MODEL) else "quarterdeck.toml"
        table.wrong("on", f'= "{found}" is set in {other}; expected here one of {", ".join(names)}')
    else:
        table.wrong("on", f"is {shown(found)}; {expected_names(found, names)}")
    return None


def _rule(table: Table, kind: AlertOn) -> AlertSpec:
    default = DEFAULTS[kind]
    table.only((*ALERT_KEYS, *ALERT_KEYS_BY_KIND[kind]), context=f' with on = "{kind}"')
    threshold = _number(table, kind, THRESHOLDS.get(kind, ""), default.threshold)
    critical = _number(table, kind, "critical", _critical(default, threshold))
    if critical is not None and critical < threshold:
        table.wrong("critical", f"is {critical:g}, below the threshold, {threshold:g}; expected at least that")
    rule = replace(
        default,
        off=table.flag("off", False),
        severity=table.choice("severity", default.severity),
        threshold=threshold,
        critical=critical,
        windows=table.integer("windows", default.windows, minimum=1, maximum=1_000),
        lasting=table.duration("for", default.lasting),
        cooldown=table.duration("cooldown", None),
        metric=table.text("metric", None, expected="the name of a metric or of a KPI", check=is_name),
        minimum=table.number("min", None),
        maximum=table.number("max", None),
        slices=table.flag("slices", False),
        where=table.where,
    )
    return _limits_need_a_metric(table, rule)


def _critical(default: AlertSpec, threshold: float) -> float | None:
    """The default's second threshold, where the rule's own first one leaves room for it."""
    return default.critical if default.critical is not None and default.critical >= threshold else None


def _number(table: Table, kind: AlertOn, key: str, default: D) -> float | D:
    if kind in _SHARES:
        return table.number(key, default, expected="a share above 0, up to 1", check=lambda part: 0 < part <= 1)
    return table.number(key, default, expected="a number above 0", check=lambda number: number > 0)


def _limits_need_a_metric(table: Table, rule: AlertSpec) -> AlertSpec:
    limited = rule.minimum is not None or rule.maximum is not None
    if limited and "metric" not in table:
        table.wrong("min" if "min" in table else "max", "says nothing without `metric`: whose limit is it?")
    if rule.minimum is not None and rule.maximum is not None and rule.minimum > rule.maximum:
        table.wrong("max", f"is {rule.maximum:g}, below `min`, {rule.minimum:g}")
    return rule
