"""A model's reviewed predictions as a file, there whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from quarterdeck.console.cli.output import jsonable, print_csv
from quarterdeck.console.cli.review_rows import item_json
from quarterdeck.console.context import Console
from quarterdeck.core.errors import NotFoundError, UnavailableError, UsageError
from quarterdeck.core.review import State
from quarterdeck.store import review_queues, reviews

SUFFIXES = (".jsonl", ".csv")
_LEFT_OUT = ("claimed_by", "claimed_until", "blind", "reviewers")


def export_items(console: Console, model: str, states: Sequence[State], out: Path) -> int:
    """Write the items in these states, in the order they were chosen; gives how many."""
    if out.suffix not in SUFFIXES:
        raise UsageError(f"{out.name} is neither {' nor '.join(SUFFIXES)}", hint="name the file labels.csv")
    with console.database.read() as tx:
        if review_queues.find(tx, console.environment, model) is None:
            raise NotFoundError(f"{model} has no review queue", hint="[review] in its pipeline.toml asks for one")
        items = [item for item in reviews.chosen(tx, console.environment, model) if item.state in states]
        said = reviews.said_of(tx, [item.id for item in items])
    rows = [_row(item_json(item, said[item.id])) for item in items]
    try:
        _write(out, rows)
    except OSError as error:
        raise UnavailableError(f"{out} cannot be written: {error.strerror}", hint="nothing was half-written") from error
    return len(rows)


def _row(found: dict[str, Any]) -> dict[str, Any]:
    return {key: jsonable(value) for key, value in found.items() if key not in _LEFT_OUT}


def _write(out: Path, rows: list[dict[str, Any]]) -> None:
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if out.suffix == ".csv":
                columns, table = _table(rows)
                print_csv(columns, table, file)
            else:
                file.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        Path(name).replace(out)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _table(rows: list[dict[str, Any]]) -> tuple[list[str], Iterable[list[Any]]]:
    """Inputs as columns of their own, `input.<field>`; what people said as JSON."""
    inputs = list(dict.fromkeys(name for row in rows for name in row["inputs"]))
    plain = [key for key in (rows[0] if rows else {}) if key != "inputs"]
    columns = [*plain, *(f"input.{name}" for name in inputs)]
    return columns, ([*(row[key] for key in plain), *(row["inputs"].get(name) for name in inputs)] for row in rows)
