"""Read and check the `[[triggers]]` of a pipeline.toml. Which keys one may have depends on its `on`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo, available_timezones

from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.toml_lines import KeyPath
from quarterdeck.core.toml_table import Table, expected_names, is_name, nearest, shown
from quarterdeck.core.values import TriggerKind

TRIGGER_KEYS = ("on", "name", "cooldown", "limit_per_day")
TRIGGER_KEYS_BY_KIND: Mapping[TriggerKind, tuple[str, ...]] = {
    TriggerKind.SCHEDULE: ("cron", "every", "timezone"),
    TriggerKind.DRIFT: ("features", "threshold", "windows"),
    TriggerKind.DECAY: ("metric", "worse_by", "windows"),
    TriggerKind.MANUAL: (),
}

_TRIGGER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,#-]+")


def read_triggers(root: Table) -> tuple[TriggerSpec, ...]:
    """All triggers of a manifest; what is wrong goes to the table's problems."""
    tables = root.tables("triggers")
    taken: dict[str, KeyPath] = {}
    for table in tables:
        name = table.text(
            "name",
            None,
            expected="small letters, digits, - and _, up to 60",
            check=lambda text: _TRIGGER_NAME.fullmatch(text) is not None,
        )
        if name is not None and taken.setdefault(name, table.path) != table.path:
            line = root.problems.document.line_of(taken[name])
            table.wrong("name", f'is "{name}", which the trigger in line {line} has; expected another name')
    return tuple(found for table in tables if (found := _trigger(table, taken)) is not None)


def _trigger(table: Table, taken: dict[str, KeyPath]) -> TriggerSpec | None:
    table.require("on")
    kind = _trigger_kind(table)
    if kind is None:
        return None
    table.only((*TRIGGER_KEYS, *TRIGGER_KEYS_BY_KIND[kind]), context=f' with on = "{kind}"')
    if kind is TriggerKind.SCHEDULE and ("cron" in table) == ("every" in table):
        table.problems.add(table.path, "[[triggers]] on a schedule has exactly one of cron and every")
    if kind is TriggerKind.DECAY:
        table.require("metric", "worse_by")
    return TriggerSpec(
        name=_trigger_name(table, kind, taken),
        kind=kind,
        cron=table.text("cron", None, expected='five fields such as "0 3 * * *"', check=_is_cron),
        every=table.duration("every", None),
        timezone=_timezone(table),
        features=table.integer("features", 1, minimum=1),
        threshold=table.number("threshold", 0.25, expected="a number above 0", check=lambda index: index > 0),
        metric=table.text("metric", None, expected="the name of a metric", check=is_name),
        worse_by=table.number(
            "worse_by", None, expected="a fraction above 0, such as 0.2 for 20 %", check=lambda part: part > 0
        ),
        windows=table.integer("windows", 2 if kind is TriggerKind.DECAY else 1, minimum=1),
        cooldown=table.duration("cooldown", timedelta(0)),
        limit_per_day=table.integer("limit_per_day", None, minimum=1),
        where=table.where,
    )


def _trigger_kind(table: Table) -> TriggerKind | None:
    found = table.values.get("on")
    available = [kind.value for kind in TRIGGER_KEYS_BY_KIND]
    if found is None or found in available:
        return None if found is None else TriggerKind(found)
    if found in list(TriggerKind):
        table.wrong("on", f'= "{found}" is not available in this version; available: {", ".join(available)}')
    else:
        table.wrong("on", f"is {shown(found)}; {expected_names(found, available)}")
    return None


def _trigger_name(table: Table, kind: TriggerKind, taken: dict[str, KeyPath]) -> str:
    """The given name, or the kind's, with a number from the second of a kind on."""
    given = table.values.get("name")
    if isinstance(given, str):
        return given
    name, number = kind.value, 1
    while name in taken:
        number += 1
        name = f"{kind.value}-{number}"
    taken[name] = table.path
    return name


def _timezone(table: Table) -> str:
    name = table.text("timezone", "UTC")
    if "timezone" not in table:
        return name
    if "every" in table and "cron" not in table:
        table.wrong("timezone", "says nothing beside every; expected only beside cron")
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a name at all, or a folder of the time zone data
        near = nearest(name, available_timezones())
        hint = f"; did you mean `{near}`?" if near else ""
        table.wrong("timezone", f'is "{name}"; expected a time zone such as "Europe/Berlin" or "UTC"{hint}')
    return name


def _is_cron(text: str) -> bool:
    fields = text.split()
    return len(fields) == 5 and all(_CRON_FIELD.fullmatch(field) for field in fields)
