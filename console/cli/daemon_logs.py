"""`quarterdeck daemon logs`: what the daemon, the prediction server and the workers wrote."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

import typer

from quarterdeck.console.cli.output import clean
from quarterdeck.console.cli.session import opened_folder
from quarterdeck.core.errors import UsageError

_TEXT = re.compile(r"(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z) (?P<level>[A-Z]+) (?P<logger>\S+) (?P<message>.*)")


def logs(
    ctx: typer.Context,
    lines: Annotated[int, typer.Option("--lines", "--tail", "-n", min=1, help="The last so many lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until ctrl+c.")] = False,
    server: Annotated[bool, typer.Option("--server", help="The prediction server's instead.")] = False,
    worker: Annotated[bool, typer.Option("--worker", help="What workers wrote that had no run yet, instead.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="An object a line: time, level, logger, message; times are UTC.")
    ] = False,
) -> None:
    """What the daemon wrote to its log."""
    from quarterdeck.console.cli.logfile import print_log

    if server and worker:
        raise UsageError("--server and --worker name different logs", hint="give one of them")
    name = "server.log" if server else "worker.log" if worker else "daemon.log"
    path = opened_folder(ctx).logs / name
    print_log(
        path,
        tail=lines,
        until=(lambda: False) if follow else None,
        empty="" if as_json else f"{path} is not there yet",
        show=_as_json if as_json else _as_text,
    )


def _as_json(line: str) -> str:
    return json.dumps(_record(line), ensure_ascii=False)


def _as_text(line: str) -> str:
    """A line of JSON as the text log would have it."""
    if not line.startswith("{"):
        return line
    found = _record(line)
    if "time" not in found:
        return line
    text = f"{found['time']} {found.get('level')} {found.get('logger')} {found['message']}"
    error = clean(str(found["error"]), lines=True) if "error" in found else None
    return clean(text) if error is None else f"{clean(text)}\n{error}"


def _record(line: str) -> dict[str, Any]:
    if line.startswith("{"):
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if isinstance(found, dict) and "message" in found:
            return found
    text = _TEXT.fullmatch(line)
    return {"message": line} if text is None else text.groupdict()
