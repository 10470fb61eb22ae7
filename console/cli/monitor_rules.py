"""`quarterdeck monitor rules`: which alerts there can be, and by what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.core.alerting import WORKSPACE
from quarterdeck.core.alerting_rules import is_triggers, rules_for
from quarterdeck.core.alerting_spec import OF_WINDOWS, OF_WORKSPACE, THRESHOLDS, AlertOn, AlertSpec, rules_of
from quarterdeck.core.durations import format_duration
from quarterdeck.core.manifest import Manifest
from quarterdeck.store.workspace import load_manifest


def rules(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="The model's name, which is its pipeline's.")],
    as_json: AsJson = False,
) -> None:
    """The rules that raise alerts for a model, as pipeline.toml sets them or by default; and the workspace's."""
    with opened(ctx) as console:
        manifest = load_manifest(console.workspace, model)
        workspace = rules_of(console.settings.alerts, OF_WORKSPACE)
    found = [
        *((model, rule, _state(manifest, rule)) for rule in rules_for(manifest)),
        *((WORKSPACE, rule, "off" if rule.off else "on") for rule in workspace),
    ]
    if as_json:
        print_json([{"model": of, "state": state, "rule": rule} for of, rule, state in found])
        return
    rows = [(of, rule.on, state, condition(rule), rule.severity, rule.where or "default") for of, rule, state in found]
    print_table(("model", "on", "state", "raised where", "severity", "set in"), rows, empty="No rules.")


def _state(manifest: Manifest, rule: AlertSpec) -> str:
    if rule.off:
        return "off"
    return "by its trigger" if is_triggers(manifest, rule.on, rule.metric) else "on"


def condition(rule: AlertSpec) -> str:
    """A rule in words: "features >= 1, in 2 windows in a row"."""
    return ", ".join(_parts(rule))


def _parts(rule: AlertSpec) -> Iterator[str]:
    if rule.on in THRESHOLDS:
        yield f"{THRESHOLDS[rule.on]} >= {rule.threshold:g}"
    if rule.critical is not None:
        yield f"critical >= {rule.critical:g}"
    if rule.metric is not None:
        yield rule.metric
    if rule.minimum is not None:
        yield f"below {rule.minimum:g}"
    if rule.maximum is not None:
        yield f"above {rule.maximum:g}"
    if rule.on in (AlertOn.PERFORMANCE, AlertOn.ESTIMATE, AlertOn.KPI) and rule.minimum is None is rule.maximum:
        yield "beyond its limits"
    if rule.on in OF_WINDOWS:
        yield f"in {rule.windows} window{'' if rule.windows == 1 else 's in a row'}"
    if rule.lasting:
        yield f"for {format_duration(rule.lasting)}"


COMMANDS: dict[str, Callable[..., Any]] = {"rules": rules}
