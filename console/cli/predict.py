"""`quarterdeck predict`: rows to the running server, answers back."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from quarterdeck.console.cli.noun import single
from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.cli.predict_file import predict_file
from quarterdeck.console.cli.rows import one_row, read_rows, write_rows
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.console.context import Console
from quarterdeck.console.presented import presented_token
from quarterdeck.core.errors import UsageError
from quarterdeck.core.operations import Service
from quarterdeck.core.registry import parse_reference
from quarterdeck.core.rights import TOKEN
from quarterdeck.store import services, tokens

app = single()
FORMATS = frozenset((".parquet", ".csv", ".jsonl"))


class OnError(StrEnum):
    STOP = "stop"
    SKIP = "skip"


@app.command(
    help="Ask the prediction server for answers to rows: one with --row, many with --in, or JSON on stdin. "
    "With --in and --out (.parquet, .csv, .jsonl) one version answers the whole file, without the server."
)
def predict(
    ctx: typer.Context,
    endpoint: Annotated[str, typer.Argument(help="The endpoint, which bears its model's name.")],
    row: Annotated[str | None, typer.Option("--row", metavar="JSON", help='One row: {"field": value, ...}.')] = None,
    source: Annotated[
        Path | None, typer.Option("--in", metavar="FILE", help=".json, .jsonl, .csv or .parquet.")
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where answers go: .json, .jsonl, .csv or .parquet."),
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Of a file: who answers; default: the champion of now.")
    ] = None,
    on_error: Annotated[
        OnError, typer.Option("--on-error", help="Of a file: stop at a wrong row, or skip it and keep it beside.")
    ] = OnError.STOP,
    no_log: Annotated[bool, typer.Option("--no-log", help="Of a file: keep the answers out of traffic.db.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Of a file: forget what an unfinished job has.")] = False,
    as_json: AsJson = False,
) -> None:
    if row is None and source is not None and target is not None and FORMATS.issuperset((source.suffix, target.suffix)):
        with opened(ctx) as console:
            raise typer.Exit(
                predict_file(
                    console, endpoint, source, target,
                    version=version, on_error=on_error.value, log=not no_log, restart=restart, as_json=as_json,
                )
            )  # fmt: skip
    if version is not None or on_error is not OnError.STOP or no_log or restart:
        hint = f"give --in and --out, each one of {', '.join(sorted(FORMATS))}"
        raise UsageError("--version, --on-error, --no-log and --restart are of files", hint=hint)
    # start-up time: nothing else here speaks HTTP
    from quarterdeck.console.cli.predicting import Client
    from quarterdeck.scheduler.reaching import reach

    rows = _rows(row, source)
    with opened(ctx) as console:
        server, secret = _server(console)
        reached = reach(console.workspace, server, secret)
    with Client(reached, parse_reference(endpoint).model) as client:
        answers = client.predict(rows)
    if target is not None:
        write_rows(target, answers)
        print(f"{len(answers)} answers in {target}", file=sys.stderr)
    elif as_json:
        print_json(answers)
    else:
        _print(answers)


def _rows(row: str | None, source: Path | None) -> list[dict[str, Any]]:
    if row is not None and source is not None:
        raise UsageError("--row and --in are both given", hint="give one of them")
    if row is not None:
        return [one_row(row)]
    if source is not None:
        return read_rows(source)
    if sys.stdin.isatty():
        raise UsageError("there are no rows", hint="give --row JSON, --in FILE, or JSON on stdin")
    return read_rows(None)


def _server(console: Console) -> tuple[Service, str | None]:
    """The server, and the secret of the client whose token is presented; without one a command is the workspace's."""
    with console.database.read() as tx:
        server = services.running_server(tx)
        acting = tokens.get(tx, console.person.removeprefix(TOKEN)) if console.token is not None else None
    secret = presented_token(os.environ) if acting is not None and acting.endpoints else None
    return server, secret


def _print(answers: list[dict[str, Any]]) -> None:
    names = [name for name in ("label", "value", "probability") if answers and name in answers[0]]
    rows = [(*(answer.get(name) for name in names), answer.get("id")) for answer in answers]
    print_table((*names, "id"), rows, empty="There were no rows.")
