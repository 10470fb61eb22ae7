"""`quarterdeck monitor report`: everything about one model, for people without a terminal."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from quarterdeck.console.cli.output import jsonable, print_json
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import UnavailableError, UsageError

Model = Annotated[str, typer.Argument(help="The model's name.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the HTML file here.")]


def report(ctx: typer.Context, model: Model, out: Out = None, as_json: AsJson = False) -> None:
    """A report in one HTML file: what is live, drift, data quality, performance, alerts, verdicts.

    The file opens in any browser without a network. --json prints the same content, with or without --out.
    """
    # start-up time: only this command needs them
    from quarterdeck.console.report.gather import gather
    from quarterdeck.console.report.page import render

    if out is None and not as_json:
        raise UsageError("nothing to write to", hint="--out report.html, or --json")
    with opened(ctx) as console:
        found = gather(console, model, utc_now())
    if out is not None:
        _write(out, render(found))
        typer.echo(f"the report on {model} is in {out}", err=True)
    if as_json:
        print_json(_plain(found))


def _plain(report: Any) -> dict[str, Any]:
    """Without the version's whole signature, which `model show` has."""
    found = dict(jsonable(report))
    if report.champion is not None:
        named = ("model", "number", "state", "created", "metrics", "rows", "trained_from", "trained_to")
        found["champion"] = {name: getattr(report.champion, name) for name in named} | {
            "gates": [item.to_json() for item in report.champion.verdicts]
        }
    return found


def _write(path: Path, text: str) -> None:
    """Whole or not at all: a report that is there already stays until the new one is complete."""
    made = None
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False, suffix=".part") as file:
            made = Path(file.name)
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), 0o666 & ~_umask())
        made.replace(path)
    except OSError as error:
        if made is not None:
            made.unlink(missing_ok=True)
        raise UnavailableError(
            f"cannot be written: {error.strerror}", where=str(path), hint="name another file"
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


COMMANDS = {"report": report}
