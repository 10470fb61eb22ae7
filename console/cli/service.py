"""`quarterdeck service`: the processes that say they run. service_plan.py and service_load.py hold the rest."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from quarterdeck.console.cli import service_load, service_plan
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.operations import Service
from quarterdeck.core.values import ServiceKind
from quarterdeck.store import services

app = noun("What runs, and how it answers: list, show, plan, test, load, logs.")


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Daemon and servers, whether they live, and how long ago they said so."""
    with opened(ctx) as console, console.database.read() as tx:
        found = [about(service) for service in services.every(tx)]
    if as_json:
        print_json(found)
        return
    rows = [
        (
            item["kind"],
            item["name"],
            item["status"],
            item["pid"],
            item["address"],
            item["silent_for"],
            item["started_at"],
        )
        for item in found
    ]
    columns = ("service", "name", "status", "process", "address", "heartbeat", "started")
    print_table(columns, rows, empty="Nothing runs: `quarterdeck daemon start` starts all of it.")


@app.command()
def show(
    ctx: typer.Context,
    kind: Annotated[ServiceKind, typer.Argument(help="daemon or server.")],
    name: Annotated[str, typer.Argument(help="Its name.")] = "main",
    as_json: AsJson = False,
) -> None:
    """One process: where it listens, what it serves, what it counted."""
    with opened(ctx) as console, console.database.read() as tx:
        service = services.find(tx, kind, name)
    if service is None:
        raise NotFoundError(f"there is no {kind} {name}", hint="`quarterdeck service list` shows them")
    found = about(service)
    if as_json:
        print_json(found)
        return
    print_fields([*((key, value) for key, value in found.items() if key != "detail"), *service.detail.items()])


def about(service: Service) -> dict[str, Any]:
    """A service with what can be told now: whether its process lives, and since when it is silent."""
    alive = services.is_alive(service)
    status = "running" if alive else "stopped" if service.stopped_at is not None else "died"
    return {
        "kind": service.kind,
        "name": service.name,
        "status": status,
        "pid": service.pid,
        "host": service.host,
        "port": service.port,
        "address": service.address,
        "started_at": service.started_at,
        "heartbeat_at": service.heartbeat_at,
        "silent_for": service.silent_for(utc_now()) if alive else None,
        "stopped_at": service.stopped_at,
        "detail": service.detail,
    }


for module in (service_plan, service_load):
    for command, function in module.COMMANDS.items():
        app.command(command)(function)
