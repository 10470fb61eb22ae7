"""`quarterdeck doctor`: is everything as it should be, and what to do where it is not."""

from __future__ import annotations

import typer

from quarterdeck.console.cli.noun import single
from quarterdeck.console.cli.options import Options
from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.cli.session import AsJson
from quarterdeck.console.doctor.examine import examine
from quarterdeck.console.doctor.finding import Health
from quarterdeck.core.clock import utc_now

app = single()


@app.command(help="Check the installation, the workspace and what runs; exit 1 if anything fails.")
def doctor(ctx: typer.Context, as_json: AsJson = False) -> None:
    options: Options = ctx.obj
    found = list(examine(options.workspace, utc_now()))
    if as_json:
        print_json(found)
    else:
        rows = [(item.health, item.check, item.seen, item.do) for item in found]
        print_table(("", "check", "seen", "do"), rows, empty="")
    if any(item.health is Health.FAIL for item in found):
        raise typer.Exit(1)
