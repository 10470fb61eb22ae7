"""`quarterdeck daemon`: start and stop what trains, watches and retrains. daemon_*.py hold the rest."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Annotated, Any

import typer

from quarterdeck.console.acts.guard import check_right
from quarterdeck.console.cli.daemon_install import install
from quarterdeck.console.cli.daemon_logs import logs
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_fields, print_json
from quarterdeck.console.cli.service import about
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.console.context import Console
from quarterdeck.core.errors import NotAllowedError, UnavailableError
from quarterdeck.core.operations import Service
from quarterdeck.core.rights import Right
from quarterdeck.core.settings import LogFormat
from quarterdeck.core.values import ServiceKind

app = noun("The process that trains, watches and retrains.")
SERVER_PATIENCE_S = 10.0
KeepServer = Annotated[bool, typer.Option("--keep-server", help="Leave the prediction server answering.")]


@app.command("run")
def run_(
    ctx: typer.Context,
    standby: Annotated[
        bool, typer.Option("--standby", help="Where another daemon acts for the store, wait and take over.")
    ] = False,
    log_format: Annotated[
        LogFormat | None, typer.Option("--log-format", help="How the log is written; else as [daemon] log_format says.")
    ] = None,
) -> None:
    """Be the daemon in this terminal, until ctrl+c or SIGTERM; for systemd."""
    # start-up time: only this command becomes the daemon
    from quarterdeck.scheduler.daemon import OWN_LOG
    from quarterdeck.scheduler.logs import log_daemon
    from quarterdeck.scheduler.running import run_daemon

    with opened(ctx) as console:
        _may_change(console)
        workspace, settings = console.workspace, console.settings
    log_daemon(workspace.logs / OWN_LOG, settings, kind=log_format)
    run_daemon(workspace, standby=standby)


@app.command()
def start(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Start the daemon in the background; it starts the prediction server."""
    with opened(ctx) as console:
        check_right(console, Right.OPERATE, act="daemon_start", subject="daemon")
        service, server = _start(console)
    _say_started(service, server, as_json)


def _start(console: Console) -> tuple[Service, Service | None]:
    from quarterdeck.scheduler.control import start_daemon

    try:
        return start_daemon(console.workspace, console.database), _server(console)
    except KeyboardInterrupt:
        print("note:  it is started, and may be up in a moment: `quarterdeck daemon stop` ends it", file=sys.stderr)
        raise


def _say_started(service: Service, server: Service | None, as_json: bool) -> None:
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
        stopped = stop_daemon(console.database, keep_server=keep_server, workspace=console.workspace)
    if as_json:
        print_json({"stopped": stopped})
    else:
        print("the daemon has stopped" if stopped else "no daemon ran")


@app.command()
def restart(ctx: typer.Context, keep_server: KeepServer = False, as_json: AsJson = False) -> None:
    """Stop the daemon, if one runs, and start it again, with the settings and the Quarterdeck that are there now."""
    from quarterdeck.scheduler.control import stop_daemon

    with opened(ctx) as console:
        check_right(console, Right.OPERATE, act="daemon_restart", subject="daemon")
        stop_daemon(console.database, keep_server=keep_server, workspace=console.workspace)
        service, server = _start(console)
    _say_started(service, server, as_json)


@app.command()
def status(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Whether the daemon runs, what it does and what is wrong; exit 7 if it does not run."""
    from quarterdeck.console.cli.daemon_status import daemon_status

    found = daemon_status(ctx.obj.workspace, read_only=ctx.obj.read_only)
    if as_json:
        print_json(found)
    else:
        _print_status(found)
    if found is None or found["status"] != "running":
        raise typer.Exit(7)


def _print_status(found: dict[str, Any] | None) -> None:
    if found is None:
        print("no daemon has run here: quarterdeck daemon start")
        return
    shown = ("status", "says", "pid", "started_at", "heartbeat_at", "silent_for", "stopped_at", "lease", "store")
    print_fields(
        [*((key, found[key]) for key in shown if found.get(key) is not None), *(found.get("detail") or {}).items()]
    )


def _may_change(console: Console) -> None:
    if console.read_only:
        raise NotAllowedError("this console is read-only", hint="start it without --read-only")


app.command("logs")(logs)
app.command("install")(install)
