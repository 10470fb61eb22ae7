"""`quarterdeck keys`: what the terminal console's keys do."""

from __future__ import annotations

from quarterdeck.console.cli.noun import single
from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.cli.session import AsJson

app = single()


@app.command(help="The keys of the terminal console.")
def keys(as_json: AsJson = False) -> None:
    # start-up time: the bindings are made for the screens' library
    from quarterdeck.console.tui.keymap import KEYS, MOVES

    found = (*KEYS, *MOVES)
    if as_json:
        print_json(
            [
                {"id": key.id, "keys": key.keys, "does": key.says, "group": key.group, "changes": key.changes}
                for key in found
            ]
        )
        return
    rows = [(key.shown, key.group, key.says, key.changes, key.id) for key in found]
    print_table(("key", "group", "does", "changes", "id"), rows, empty="No keys.")
