"""Read and check the `[[gates]]` and the `[evaluation]` of a pipeline.toml.

Which keys a gate may have depends on what it asks: a limit, a comparison with the champion, either of them in every
slice of a column, or what the served model needs.
"""

from __future__ import annotations

from typing import Any

from quarterdeck.core.gate_kinds import SERVED, TARGET
from quarterdeck.core.manifest import EvaluationSpec, GateSpec
from quarterdeck.core.toml_lines import KeyPath
from quarterdeck.core.toml_table import Table, is_name, shown

GATE_KINDS = ("min", "max", "not_worse_than")
COMPARISON_KEYS = ("margin", "confidence")
SLICE_KEYS = ("slice", "rows")
TARGET_KEYS = ("memory_mb", "seconds", "interpreter")
GATE_KEYS = ("metric", *GATE_KINDS, *COMPARISON_KEYS, *SLICE_KEYS, *TARGET_KEYS, "owner")
EVALUATION_KEYS = ("slices", "minimum_rows")


def read_gates(root: Table) -> tuple[GateSpec, ...]:
    """All gates of a manifest; what is wrong goes to the table's problems."""
    seen: dict[tuple[str, str, str], KeyPath] = {}
    gates = []
    for table in root.tables("gates"):
        gates.append(_gate(table))
        for kind in (*GATE_KINDS, "metric"):
            key = _asked(table, kind)
            if key is not None and seen.setdefault(key, table.path) != table.path:
                line = root.problems.document.line_of(seen[key])
                table.wrong(kind, f"for {key[0]} is already set by the gate in line {line}; expected one gate")
    return tuple(gates)


def _asked(table: Table, kind: str) -> tuple[str, str, str] | None:
    """What no two gates may ask alike: a metric's limit or comparison, in all rows or in a column's slices."""
    metric = table.values.get("metric")
    # a target is asked for by its metric alone
    given = metric == TARGET if kind == "metric" else kind in table
    return (shown(metric), kind, shown(table.values.get("slice"))) if given else None


def _gate(table: Table) -> GateSpec:
    table.only(GATE_KEYS)
    table.require("metric")
    metric = table.values.get("metric")
    if metric == TARGET:
        _only_beside(table, (*GATE_KINDS, *COMPARISON_KEYS, *SLICE_KEYS), f"for {TARGET}", never=True)
    else:
        _check_kind(table)
        _only_beside(table, TARGET_KEYS, f'beside metric = "{TARGET}"')
        if metric in SERVED:
            _only_beside(table, ("min", "not_worse_than", "slice"), f"for {metric}, which has a max alone", never=True)
    return GateSpec(
        metric=table.text("metric", "", expected="the name of a metric or of a function in steps.py", check=is_name),
        minimum=table.number("min", None),
        maximum=table.number("max", None),
        not_worse_than=table.text("not_worse_than", None, expected='"champion"', check=lambda text: text == "champion"),
        margin=table.number("margin", 0.0, expected="a number from 0 on", check=lambda margin: margin >= 0),
        confidence=table.number(
            "confidence", 0.95, expected="a number from 0.5 to below 1", check=lambda share: 0.5 <= share < 1
        ),
        slice=table.text("slice", None, expected="the name of a column"),
        rows=table.integer("rows", 100, minimum=2),
        memory_mb=table.number("memory_mb", None, expected="a number above 0", check=lambda size: size > 0),
        seconds=table.number("seconds", None, expected="a number above 0", check=lambda size: size > 0),
        interpreter=table.text("interpreter", None, expected="the path of a Python interpreter"),
        owner=table.text("owner", None),
        where=table.where,
    )


def _check_kind(table: Table) -> None:
    given = [kind for kind in GATE_KINDS if kind in table]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        table.problems.add(table.path, f"[[gates]] has {found}; expected exactly one of {', '.join(GATE_KINDS)}")
    if "not_worse_than" not in table and len(given) == 1:
        _only_beside(table, ("margin",), "beside not_worse_than")
        if "slice" not in table:
            _only_beside(table, ("confidence",), "beside not_worse_than or slice")
    if "slice" not in table:
        _only_beside(table, ("rows",), "beside slice")


def _only_beside(table: Table, keys: tuple[str, ...], where: str, *, never: bool = False) -> None:
    for key in keys:
        if key in table:
            table.wrong(key, f"is not expected {where}" if never else f"says nothing here; expected only {where}")


def read_evaluation(table: Table) -> EvaluationSpec:
    """The `[evaluation]` table."""
    table.only(EVALUATION_KEYS)
    default = EvaluationSpec()
    return EvaluationSpec(
        slices=_columns(table),
        minimum_rows=table.integer("minimum_rows", default.minimum_rows, minimum=2),
    )


def _columns(table: Table) -> tuple[str, ...]:
    found: Any = table.values.get("slices", [])
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        table.wrong("slices", f"is {shown(found)}; expected a list of columns' names")
        return ()
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice is not None:
        table.wrong("slices", f"names {shown(twice)} twice; expected each column once")
    return tuple(found)
