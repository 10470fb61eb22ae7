"""`quarterdeck keys`: what the terminal console's keys do."""

from __future__ import annotations

from quarterdeck.console.cli.noun import single
from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.cli.session import AsJson

app = single()


@app.command(help="The keys of the terminal console, as your console.toml has them.")
def keys(as_json: AsJson = False) -> None:
    # start-up time: the bindings are made for the screens' library
    from quarterdeck.console.preferences import preferences_file, read_preferences
    from quarterdeck.console.tui.keymap import KEYS, MOVES, remapped

    known = {key.id: key.keys for key in (*KEYS, *MOVES)}
    own = read_preferences(preferences_file(), known)
    found = remapped((*KEYS, *MOVES), own.keys)
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
