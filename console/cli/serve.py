"""`quarterdeck serve`: the prediction server in this terminal."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from quarterdeck.console.cli.noun import single
from quarterdeck.console.cli.session import opened
from quarterdeck.core.errors import NotAllowedError

app = single()


@app.command(help="Run the prediction server in this terminal, until ctrl+c or SIGTERM; for systemd.")
def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option("--host", help="Address; else as quarterdeck.toml says.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port; else as quarterdeck.toml says.")
    ] = None,
) -> None:
    with opened(ctx) as console:
        if console.read_only:
            raise NotAllowedError("this console is read-only", hint="start it without --read-only")
        arguments = ["--workspace", str(console.workspace.root)]
    if host is not None:
        arguments += ["--host", host]
    if port is not None:
        arguments += ["--port", str(port)]
    sys.stdout.flush()
    # the server takes this process's place: signals and the exit code are its own
    os.execv(sys.executable, [sys.executable, "-m", "quarterdeck.scheduler.serving", *arguments])  # noqa: S606
