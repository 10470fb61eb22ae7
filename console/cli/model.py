"""`quarterdeck model`: what is registered. The acts that change what is live are in model_acts.py.

Read model_common.py next; model_approvals.py, model_compare.py and model_past.py hold the rest.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from quarterdeck.console.cli import card, model_acts, model_approvals, model_compare, model_import, model_past
from quarterdeck.console.cli.model_common import Model, Ref, known
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_fields, print_json, print_table, text_of
from quarterdeck.console.cli.session import AsJson, Limit, Offset, opened
from quarterdeck.console.context import Console
from quarterdeck.console.formats import size
from quarterdeck.console.queries.common import main_metric
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.values import Alias, VersionState
from quarterdeck.store import registry

app = noun("Models and versions: list, compare, approve, promote, roll back, undo, verify.")


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """All models, with what bears which name in this environment."""
    with opened(ctx) as console, console.database.read() as tx:
        found = [_summary(tx, console.environment, model) for model in registry.models(tx)]
    if as_json:
        print_json(found)
        return
    rows = [
        (row["model"], row["champion"], row["challenger"], row["previous"], row["versions"],
         row["latest"]["state"], _headline(row["latest"]), row["latest"]["created"])
        for row in found
    ]  # fmt: skip
    columns = ("model", "champion", "challenger", "previous", "versions", "latest", "metric", "made")
    print_table(columns, rows, empty="No models yet: `quarterdeck pipeline run NAME` makes one.")


def _summary(tx: Any, environment: str, model: str) -> dict[str, Any]:
    names = registry.aliases(tx, model, environment)
    latest = registry.versions(tx, model=model, limit=1)[0]
    about = {
        "number": latest.number,
        "state": latest.state,
        "created": latest.created,
        "metrics": latest.metrics,
    }
    return {
        "model": model,
        "environment": environment,
        **{alias.value: names.get(alias) for alias in Alias},
        "versions": latest.number,  # numbers run from 1 without a gap
        "latest": about | {"headline": main_metric(latest)},
    }


def _headline(latest: dict[str, Any]) -> str | None:
    name = latest["headline"]
    return None if name is None else f"{name} {text_of(latest['metrics'][name])}"


@app.command()
def versions(
    ctx: typer.Context,
    model: Model,
    state: Annotated[VersionState | None, typer.Option("--state", help="Only these.")] = None,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """The versions of a model, the newest first."""
    with opened(ctx) as console:
        known(console, model)
        with console.database.read() as tx:
            names = registry.aliases(tx, model, console.environment)
            found = registry.versions(tx, model=model, state=state, limit=limit, offset=offset)
    if as_json:
        print_json([_brief(version, names) for version in found])
        return
    rows = [
        (version.number, version.state, _metrics(version), f"{_passed(version)}/{len(version.verdicts)}",
         version.rows, size(version.size_bytes), version.engine, version.run_id, version.created)
        for version in found
    ]  # fmt: skip
    columns = ("version", "state", "metrics", "gates", "rows", "size", "engine", "run", "made")
    print_table(columns, rows, empty=f"No version of {model} is {state}." if state else "No versions.")


def _brief(version: Version, names: dict[Alias, int]) -> dict[str, Any]:
    bears = [alias for alias, number in names.items() if number == version.number]
    return {
        "model": version.model, "number": version.number, "state": version.state, "aliases": bears,
        "created": version.created, "run_id": version.run_id, "metrics": version.metrics,
        "rows": version.rows, "size_bytes": version.size_bytes, "engine": version.engine,
        "gates": {"passed": _passed(version), "asked": len(version.verdicts)},
    }  # fmt: skip


def _passed(version: Version) -> int:
    return sum(result.outcome == "pass" for result in version.verdicts)


def _metrics(version: Version) -> str:
    return ", ".join(f"{name} {text_of(value)}" for name, value in list(version.metrics.items())[:2])


@app.command()
def show(ctx: typer.Context, reference: Ref, as_json: AsJson = False) -> None:
    """One version: where it comes from, its metrics, its gates, what it takes."""
    with opened(ctx) as console, console.database.read() as tx:
        version = registry.resolve(tx, parse_reference(reference), console.environment)
        names = registry.aliases(tx, version.model, console.environment)
    bears = [alias for alias, number in names.items() if number == version.number]
    if as_json:
        print_json({"version": version, "aliases": bears, "environment": console.environment})
        return
    _print_version(version, bears, console)


def _print_version(version: Version, bears: list[Alias], console: Console) -> None:
    signature = version.signature
    print_fields(
        [
            ("version", version.reference),
            ("state", version.state),
            ("names", f"{', '.join(bears)} in {console.environment}" if bears else None),
            ("made", version.created),
            ("run", version.run_id),
            ("predicts", f"{signature.task} {signature.target} from {len(signature.fields)} fields"),
            ("classes", ", ".join(map(str, signature.classes)) if signature.classes else None),
            ("trained on", f"{version.rows:,} rows{_span(version.trained_from, version.trained_to)}"),
            ("engine", f"{version.engine}: {version.engine_reason}"),
            ("engines differ by", version.max_difference),
            ("artifact", f"{version.artifact[:16]} {size(version.size_bytes)}"),
        ]
    )
    print()
    print_table(("metric", "value"), version.metrics.items(), empty="No metrics.")
    print()
    gates = [(item.outcome.upper(), item.gate, item.statistic, item.n, item.reason) for item in version.verdicts]
    print_table(("gate", "asks", "statistic", "rows", "reason"), gates, empty="No gates were asked.")
    print()
    fields = [(f.name, f.kind, f.nullable, f.minimum, f.maximum, _some(f.categories)) for f in signature.fields]
    print_table(("field", "kind", "null", "least", "greatest", "categories"), fields, empty="No fields.")


def _span(first: datetime | None, last: datetime | None) -> str:
    return "" if first is None or last is None else f" from {text_of(first)} to {text_of(last)}"


def _some(categories: tuple[str, ...] | None) -> str | None:
    if categories is None:
        return None
    shown = ", ".join(categories[:5])
    return f"{shown}, and {len(categories) - 5} more" if len(categories) > 5 else shown


# In the order of the help page.
for module in (model_compare, model_acts, model_approvals, model_past, model_import, card):
    for name, act in module.COMMANDS.items():
        app.command(name)(act)
