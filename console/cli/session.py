"""The open workspace of one command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from quarterdeck.console.cli.crash import logs_are_in
from quarterdeck.console.cli.options import Options
from quarterdeck.console.context import Console
from quarterdeck.store.workspace import Workspace, find_workspace

# the options that many commands share
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON with stable keys; times are UTC.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many.")]
Offset = Annotated[int, typer.Option("--offset", min=0, help="Leave out the first so many.")]
Reason = Annotated[str | None, typer.Option("--reason", "-m", help="Why; it is kept in the ledger.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def opened_folder(ctx: typer.Context) -> Workspace:
    """The workspace that the options name, for what must work where its database does not."""
    options: Options = ctx.obj
    named = options.workspace or (Path(env) if (env := os.environ.get("QUARTERDECK_WORKSPACE")) else None)
    return find_workspace(Path.cwd(), named)


@contextmanager
def opened(ctx: typer.Context) -> Iterator[Console]:
    """The workspace that the options name; its databases are closed however the command ends."""
    options: Options = ctx.obj
    console = Console.open(options.workspace, read_only=options.read_only)
    logs_are_in(console.workspace.logs)
    with console:
        yield console
