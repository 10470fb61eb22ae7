"""`quarterdeck daemon`: start and stop what trains, watches and retrains."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Annotated

import typer

from quarterdeck.console.acts.guard import check_right
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_fields, print_json
from quarterdeck.console.cli.service import about
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.console.context import Console
from quarterdeck.core.errors import NotAllowedError, UnavailableError
from quarterdeck.core.operations import Service
from quarterdeck.core.rights import Right
from quarterdeck.core.values import ServiceKind
from quarterdeck.store import services

app = noun("The process that trains, watches and retrains.")
SERVER_PATIENCE_S = 10.0
KeepServer = Annotated[bool, typer.Option("--keep-server", help="Leave the prediction server answering.")]


@app.command("run")
def run_(ctx: typer.Context) -> None:
    """Be the daemon in this terminal, until ctrl+c or SIGTERM; for systemd."""
    # start-up time: only this command becomes the daemon
    import logging

    from quarterdeck.scheduler.__main__ import LOG_FORMAT
    from quarterdeck.scheduler.daemon import run_daemon

    with opened(ctx) as console:
        _may_change(console)
        logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        run_daemon(console.workspace)


@app.command()
def start(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Start the daemon in the background; it starts the prediction server."""
    from quarterdeck.scheduler.control import start_daemon

    with opened(ctx) as console:
        check_right(console, Right.OPERATE, act="daemon_start", subject="daemon")
        try:
            service = start_daemon(console.workspace, console.database)
            server = _server(console)
        except KeyboardInterrupt:
            print("note:  it is started, and may be up in a moment: `quarterdeck daemon stop` ends it", file=sys.stderr)
            raise
    if as_json:
        print_json(about(service))
    else:
        print(f"the daemon runs as process {service.pid}: quarterdeck daemon logs")
        print("the prediction server is not up yet" if server is None else f"the prediction server: {server.address}")


def _server(console: Console) -> Service | None:
    """The prediction server that the daemon starts, once it listens; None where it takes longer than it should."""
    from quarterdeck.scheduler.control import find, wait_until

    with suppress(UnavailableError):
        wait_until(
            lambda: find(console.database, ServiceKind.SERVER) is not None,
            what="the server",
            patience=SERVER_PATIENCE_S,
        )
    return find(console.database, ServiceKind.SERVER)


@app.command()
def stop(ctx: typer.Context, keep_server: KeepServer = False, as_json: AsJson = False) -> None:
    """Stop the daemon and the prediction server and wait; runs under way go back to the queue."""
    from quarterdeck.scheduler.control import stop_daemon

    with opened(ctx) as console:
        check_right(console, Right.OPERATE, act="daemon_stop", subject="daemon")
        stopped = stop_daemon(console.database, keep_server=keep_server)
    if as_json:
        print_json({"stopped": stopped})
    else:
        print("the daemon has stopped" if stopped else "no daemon ran")


@app.command()
def status(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Whether the daemon runs; exit 7 if it does not."""
    with opened(ctx) as console, console.database.read() as tx:
        service = services.find(tx, ServiceKind.DAEMON)
    found = None if service is None else about(service)
    if as_json:
        print_json(found)
    elif found is None:
        print("no daemon has run here: quarterdeck daemon start")
    else:
        shown = ("status", "pid", "started_at", "heartbeat_at", "silent_for", "stopped_at")
        print_fields([*((key, found[key]) for key in shown), *found["detail"].items()])
    if found is None or found["status"] != "running":
        raise typer.Exit(7)


@app.command()
def logs(
    ctx: typer.Context,
    tail: Annotated[int, typer.Option("--tail", "-n", min=1, help="The last so many lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until ctrl+c.")] = False,
    server: Annotated[bool, typer.Option("--server", help="The prediction server's instead.")] = False,
) -> None:
    """What the daemon wrote to its log."""
    from quarterdeck.console.cli.logfile import print_log

    name = "server.log" if server else "daemon.log"
    with opened(ctx) as console:
        path = console.workspace.logs / name
        print_log(path, tail=tail, until=(lambda: False) if follow else None, empty=f"{path} is not there yet")


def _may_change(console: Console) -> None:
    if console.read_only:
        raise NotAllowedError("this console is read-only", hint="start it without --read-only")
