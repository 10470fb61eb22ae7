"""The prediction log as a table in a file: `python -m quarterdeck.scheduler.batch.export`, for `quarterdeck traffic
export`.

Read and written in parts, so that memory does not grow with the log. The file is there when all of it is.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck.core.errors import UnavailableError
from quarterdeck.core.models.signature import FieldKind
from quarterdeck.scheduler.batch.parts import Parts, check_format
from quarterdeck.scheduler.helping import Desk, Stopped, helper_main
from quarterdeck.store.traffic import open_traffic
from quarterdeck.store.traffic_log import Asked, Logged, following, newest

ROWS = 10_000  # in a part
INPUT = "input."  # before the name of a field
_KINDS: dict[str, Any] = {
    FieldKind.NUMBER: pl.Float64,
    FieldKind.INTEGER: pl.Int64,
    FieldKind.STRING: pl.String,
    FieldKind.BOOLEAN: pl.Boolean,
}
_TIME = pl.Datetime("us", "UTC")


def schema_of(fields: Mapping[str, str], outcome: str) -> dict[str, Any]:
    """The columns of the file. `fields`: an input's name -> its kind; `outcome`: the kind of answers and labels."""
    kind = _KINDS[FieldKind(outcome)]
    return {
        "id": pl.String,
        "endpoint": pl.String,
        "version": pl.Int64,
        "arm": pl.String,
        "entity": pl.String,
        "event_at": _TIME,
        "at": _TIME,
        "latency_ms": pl.Float64,
        "answer": kind,
        "score": pl.Float64,
        "probabilities": pl.List(pl.Float64),
        "label": kind,
        "labelled_at": _TIME,
    } | {INPUT + name: _KINDS[FieldKind(found)] for name, found in fields.items()}


def work(order: Mapping[str, Any], desk: Desk) -> Mapping[str, Any]:
    """Write the whole file; how many rows it has."""
    target = Path(order["target"])
    check_format(target)
    folder = target.with_name(f".{target.name}.{os.getpid()}.parts")
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise UnavailableError(f"cannot be made: {error.strerror}", where=str(folder)) from error
    try:
        parts = Parts(folder, schema_of(order["fields"], order["outcome"]), target.suffix)
        rows = _write(order, parts, desk)
        return {"rows": rows, "bytes": parts.join(target)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(order: Mapping[str, Any], parts: Parts, desk: Desk) -> int:
    asked = Asked(**{name: _moment(name, value) for name, value in order["asked"].items()})
    with open_traffic(Path(order["traffic"])) as traffic:
        with traffic.read() as tx:
            end = newest(tx)
        place = rows = 0
        while True:
            if desk.stopping:
                raise Stopped({"rows": rows})
            with traffic.read() as tx:
                found = following(tx, asked, after=place, upto=end, limit=ROWS)
            if not found:
                return rows
            parts.add(rows, rows + len(found), _columns(found, order["fields"], order["outcome"]))
            rows, place = rows + len(found), found[-1].seq
            desk.progress(rows=rows, place=place, end=end)


def _moment(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name in ("since", "until") and value is not None else value


def _columns(rows: Sequence[Logged], fields: Mapping[str, str], outcome: str) -> dict[str, Sequence[Any]]:
    inputs = [json.loads(row.inputs) if row.inputs else {} for row in rows]
    found: dict[str, Sequence[Any]] = {
        name: [getattr(row, name) for row in rows]
        for name in ("id", "endpoint", "version", "arm", "entity", "event_at", "at", "score", "labelled_at")
    }
    found["latency_ms"] = [row.latency_us / 1_000 for row in rows]
    found["probabilities"] = [None if row.probabilities is None else json.loads(row.probabilities) for row in rows]
    for name in ("answer", "label"):
        texts = [getattr(row, name) for row in rows]
        found[name] = [None if text is None else _outcome(json.loads(text), outcome) for text in texts]
    return found | {INPUT + name: [row.get(name) for row in inputs] for name in fields}


def _outcome(value: Any, kind: str) -> Any:
    return str(value) if kind == FieldKind.STRING else value


if __name__ == "__main__":
    helper_main(work)
