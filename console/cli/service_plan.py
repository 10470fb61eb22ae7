"""`quarterdeck service plan` and `logs`: who answers what, and what the processes wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from quarterdeck.console.cli.output import print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.console.formats import size
from quarterdeck.console.queries.service_plan import PlanEndpoint, PlanVersion, service_plan
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.values import ServiceKind


def plan(
    ctx: typer.Context,
    endpoint: Annotated[str | None, typer.Argument(help="One endpoint; else all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Who answers each endpoint and with what share, what is loaded and what is not, and why."""
    with opened(ctx) as console:
        found = service_plan(console, endpoint)
    if endpoint is not None and not found.endpoints:
        raise NotFoundError(f"there is no endpoint {endpoint}", hint="`quarterdeck model list` shows the models")
    if as_json:
        print_json(found)
        return
    memory = None if found.memory_bytes is None else size(found.memory_bytes)
    print_fields([
        ("server", found.source or "none runs: `quarterdeck daemon start`, or `quarterdeck serve`"),
        ("ready", "yes" if found.ready else "no"),
        ("memory", memory),
        *(("problem", problem) for problem in found.problems),
    ])  # fmt: skip
    print()
    columns = ("endpoint", "version", "role", "share %", "shadow", "loaded", "engine", "why", "size")
    rows = [row for item in found.endpoints for row in _rows(item)]
    print_table(columns, rows, empty="No model is registered yet.")


def _rows(endpoint: PlanEndpoint) -> Iterator[tuple[Any, ...]]:
    if not any(version.role == "champion" for version in endpoint.versions):
        yield (endpoint.name, None, "nobody answers", *[None] * 6)
    for version in endpoint.versions:
        yield (
            endpoint.name,
            version.number,
            version.role,
            version.weight,
            version.shadow,
            _loaded(version),
            version.engine,
            version.engine_reason,
            size(version.size_bytes),
        )


def _loaded(version: PlanVersion) -> str | None:
    if version.loaded is None:
        return None
    return "yes" if version.loaded else f"no: {version.problem}"


def logs(
    ctx: typer.Context,
    kind: Annotated[ServiceKind, typer.Argument(help="daemon or server.")] = ServiceKind.SERVER,
    tail: Annotated[int, typer.Option("--tail", "-n", min=1, help="The last so many lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until ctrl+c.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help='Each line as JSON: {"line": ...}.')] = False,
) -> None:
    """What the prediction server wrote to its log, or the daemon; one started by hand writes to its terminal."""
    from quarterdeck.console.cli.logfile import print_log  # start-up time, as everywhere

    with opened(ctx) as console:
        path = console.workspace.logs / f"{kind}.log"
        print_log(
            path,
            tail=tail,
            until=(lambda: False) if follow else None,
            empty="" if as_json else f"{path} is not there yet",
            show=_as_json if as_json else None,
        )


def _as_json(line: str) -> str:
    return json.dumps({"line": line}, ensure_ascii=False)


COMMANDS = {"plan": plan, "logs": logs}
