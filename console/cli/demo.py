"""`quarterdeck demo`: the whole loop, on a workspace of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quarterdeck.console.cli.noun import single
from quarterdeck.console.cli.session import AsJson

app = single()


@app.command(help="See the whole loop on a workspace of its own, in a minute or two.")
def demo(
    directory: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Where; else a temporary folder.")
    ] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Print what happens and open no screen.")] = False,
    as_json: AsJson = False,
) -> None:
    # start-up time: the demo starts processes, and its module loads what they need
    from quarterdeck.console.demo import run_demo

    raise typer.Exit(run_demo(directory, headless, as_json))
