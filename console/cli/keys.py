"""`quarterdeck keys`: what the terminal console's keys do."""

from __future__ import annotations

import typer

from quarterdeck.console.cli.noun import single
from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.cli.session import AsJson

app = single()


@app.command(help="The keys of the terminal console.")
def keys(as_json: AsJson = False) -> None:
    # start-up time: the bindings live with the screens
    from quarterdeck.console.tui.keymap import describe_keys

    found = describe_keys()
    if as_json:
        print_json([{"id": item[0], "keys": item[1], "does": item[2], "where": item[3]} for item in found])
    else:
        print_table(("id", "keys", "does", "where"), found, empty="No keys.")
