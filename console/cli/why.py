"""`quarterdeck why`: what led to a run or a version, and what came of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from quarterdeck.console.cli.noun import single
from quarterdeck.console.cli.output import clean, print_json
from quarterdeck.console.cli.session import AsJson, opened

app = single()
What = Annotated[str, typer.Argument(metavar="RUN|MODEL@N", help="A run's number, or a version such as flights@3.")]


@app.command(help="What led to a run or a version, and what came of it.")
def why(ctx: typer.Context, what: What, as_json: AsJson = False) -> None:
    # start-up time: only this command asks for the whole chain
    from quarterdeck.console.queries.why import lines
    from quarterdeck.console.queries.why import why as why_of

    with opened(ctx) as console, console.database.read() as tx:
        link = why_of(tx, console.environment, what)
    if as_json:
        print_json(asdict(link))
        return
    for indent, item in lines(link):
        at = f"{item.at:%Y-%m-%d %H:%M}  " if item.at is not None else ""
        mark = " <- asked" if item.asked else " (missing)" if item.missing else ""
        name = "" if item.kind in ("asked", "import") else f"{item.kind} {item.key}: "
        print(clean(f"{indent}{at}{name}{item.text}{mark}"))
