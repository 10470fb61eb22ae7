"""Read and check the `[[triggers]]` of a pipeline.toml. Which keys one may have depends on its `on`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from quarterdeck.core.cron import parse_cron
from quarterdeck.core.manifest import TriggerSpec, plain_json
from quarterdeck.core.toml_lines import KeyPath
from quarterdeck.core.toml_table import Table, expected_names, is_name, nearest, shown
from quarterdeck.core.values import Misfire, Span, TriggerKind

TRIGGER_KEYS = ("on", "name", "cooldown", "limit_per_day", "budget", "budget_per")
TRIGGER_KEYS_BY_KIND: Mapping[TriggerKind, tuple[str, ...]] = {
    TriggerKind.SCHEDULE: ("cron", "every", "timezone", "misfire", "misfire_limit"),
    TriggerKind.NEW_DATA: ("source", "files", "rows", "fresher_by", "content", "look_every"),
    TriggerKind.DRIFT: ("features", "threshold", "windows", "backoff"),
    TriggerKind.DECAY: ("metric", "worse_by", "windows", "on_estimate", "backoff"),
    TriggerKind.FEEDBACK: ("labels", "look_every"),
    TriggerKind.CODE: ("branch", "look_every"),
    TriggerKind.MANUAL: (),
    TriggerKind.WEBHOOK: ("secret", "per_minute"),
}
REQUIRED: Mapping[TriggerKind, tuple[str, ...]] = {
    TriggerKind.NEW_DATA: ("source",),
    TriggerKind.DECAY: ("metric", "worse_by"),
    TriggerKind.FEEDBACK: ("labels",),
    TriggerKind.WEBHOOK: ("secret",),
}

_TRIGGER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_SECRET = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*")
FROM = '"env:NAME" of an environment variable, or "file:PATH" of a file with mode 0600'
SOURCE = "a file, folder or glob, or the URL of one without a password"


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
    table.require(*REQUIRED.get(kind, ()))
    spec = TriggerSpec(
        name=_trigger_name(table, kind, taken),
        kind=kind,
        features=table.integer("features", 1, minimum=1),
        threshold=table.number("threshold", 0.25, expected="a number above 0", check=lambda index: index > 0),
        metric=table.text("metric", None, expected="the name of a metric", check=is_name),
        worse_by=table.number(
            "worse_by", None, expected="a fraction above 0, such as 0.2 for 20 %", check=lambda part: part > 0
        ),
        windows=table.integer("windows", 2 if kind is TriggerKind.DECAY else 1, minimum=1),
        on_estimate=table.flag("on_estimate", False),
        backoff=table.flag("backoff", True),
        labels=table.integer("labels", None, minimum=1),
        branch=table.text("branch", "HEAD", expected="the name of a branch", check=_is_branch),
        secret=table.text("secret", None, expected=FROM, check=_is_secret),
        per_minute=table.integer("per_minute", 10, minimum=1, maximum=600),
        look_every=table.duration("look_every", timedelta(seconds=10)),
        cooldown=table.duration("cooldown", timedelta(0)),
        limit_per_day=table.integer("limit_per_day", None, minimum=1),
        budget=table.duration("budget", None),
        budget_per=table.choice("budget_per", Span.DAY),
        where=table.where,
    )
    return _with_source(table, _with_schedule(table, spec))


def _with_schedule(table: Table, spec: TriggerSpec) -> TriggerSpec:
    every, limit = table.duration("every", None), table.integer("misfire_limit", 24, minimum=1, maximum=1_000)
    return replace(
        spec,
        cron=_cron(table),
        every=every,
        timezone=_timezone(table),
        misfire=table.choice("misfire", Misfire.ONCE),
        misfire_limit=limit,
    )


def _with_source(table: Table, spec: TriggerSpec) -> TriggerSpec:
    if "rows" in table and "files" in table:
        table.wrong("files", "says nothing beside rows; expected one of the two")
    return replace(
        spec,
        source=table.text("source", None, expected=SOURCE, check=_is_source),
        files=table.integer("files", 1, minimum=1),
        rows=table.integer("rows", None, minimum=1),
        fresher_by=table.duration("fresher_by", None),
        content=table.flag("content", False),
    )


def _trigger_kind(table: Table) -> TriggerKind | None:
    found = table.values.get("on")
    kinds = [kind.value for kind in TRIGGER_KEYS_BY_KIND]
    if found is None or found in kinds:
        return None if found is None else TriggerKind(found)
    table.wrong("on", f"is {shown(found)}; {expected_names(found, kinds)}")
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


def _cron(table: Table) -> str | None:
    text = table.text("cron", None, expected='five fields such as "0 3 * * *"')
    if text is None:
        return None
    try:
        parse_cron(text)
    except ValueError as error:
        table.wrong("cron", f'is "{text}": {error}; expected five fields such as "0 3 * * *"')
    return text


def _is_branch(text: str) -> bool:
    """A name that git cannot take for an option or a range."""
    return _BRANCH.fullmatch(text) is not None and ".." not in text


def _is_secret(text: str) -> bool:
    return _SECRET.fullmatch(text) is not None


def _is_source(text: str) -> bool:
    """A path or a URL that holds no secret: the file is under git."""
    try:
        return bool(text.strip()) and urlsplit(text).password is None
    except ValueError:
        return False


def trigger_json(spec: TriggerSpec) -> dict[str, Any]:
    """What the store keeps of a trigger."""
    found: dict[str, Any] = plain_json(spec)
    return found


_DURATIONS = ("every", "cooldown", "fresher_by", "look_every", "budget")
_NAMES = frozenset(item.name for item in fields(TriggerSpec))


def trigger_spec(name: str, kind: TriggerKind, kept: Mapping[str, Any]) -> TriggerSpec:
    """The trigger that trigger_json() made text of; what an older version did not know has its default."""
    known = {key: value for key, value in kept.items() if key in _NAMES and value is not None}
    for key in _DURATIONS:
        if key in known:
            known[key] = timedelta(seconds=float(known[key]))
    known |= {"name": name, "kind": kind}
    for key, make in (("misfire", Misfire), ("budget_per", Span)):
        if key in known:
            known[key] = make(known[key])
    return TriggerSpec(**known)
