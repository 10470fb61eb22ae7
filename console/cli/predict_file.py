"""`quarterdeck predict ENDPOINT --in FILE --out FILE`: answers to a file's rows, by a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from quarterdeck.console.cli.helper import rows_bar, run_helper
from quarterdeck.console.cli.output import print_json
from quarterdeck.console.context import Console
from quarterdeck.core.errors import ConflictError, NotAllowedError, RefusedError
from quarterdeck.core.registry import Reference, Version, parse_reference
from quarterdeck.core.values import Engine, VersionState
from quarterdeck.scheduler.batch.job import bound, refused_of
from quarterdeck.store import registry

MODULE = "quarterdeck.scheduler.batch.run"
INTERRUPTED = 130


def predict_file(
    console: Console, endpoint: str, source: Path, target: Path, *,
    version: int | None, on_error: str, log: bool, restart: bool, as_json: bool,
) -> int:  # fmt: skip
    """Answer all rows; gives the exit code. An unfinished job of the same file goes on, with the version it has."""
    if log and console.read_only:
        hint = "start it without --read-only, or give --no-log"
        raise NotAllowedError("this console is read-only, and the answers would be logged", hint=hint)
    chosen = _version(console, endpoint, target, version, restart=restart)
    if chosen.state is VersionState.RETIRED:
        raise RefusedError("it is retired", where=chosen.reference, hint="name another with --version")
    order = _order(console, chosen, source, target, log=log) | {"on_error": on_error, "restart": restart}
    with rows_bar(chosen.reference) as on_progress:
        over, told = run_helper(MODULE, order, log=console.workspace.logs / "batch.log", on_progress=on_progress)
    if not over:
        print(f"{told.get('rows', 0):,} rows are answered and kept; no file was written", file=sys.stderr)
        print("do:    the same command goes on from there; --restart begins anew", file=sys.stderr)
        return INTERRUPTED
    _say(chosen, target, told, as_json=as_json)
    return 0


def _version(console: Console, endpoint: str, target: Path, number: int | None, *, restart: bool) -> Version:
    """The one that answers the whole job: the unfinished job's, else the one asked for, else the champion of now."""
    wanted = parse_reference(endpoint)
    if number is not None:
        wanted = Reference(model=wanted.model, version=number, alias=None)
    known = None if restart else bound(target)
    with console.database.read() as tx:
        if known is None or known.model != wanted.model:  # another model's: the helper says so
            return registry.resolve(tx, wanted, console.environment)
        if wanted.version not in (None, known.version):
            raise ConflictError(
                f"an unfinished job for this file is answered by version {known.version}",
                where=str(target),
                hint="leave --version out to go on, or --restart to begin anew",
            )
        return registry.get(tx, known.model, known.version)


def _order(console: Console, version: Version, source: Path, target: Path, *, log: bool) -> dict[str, Any]:
    return {
        "source": str(source.absolute()),
        "target": str(target.absolute()),
        "artifacts": console.settings.artifacts_url or str(console.workspace.artifacts),
        "traffic": str(console.workspace.traffic_database) if log else None,
        "model": version.model,
        "version": version.number,
        "artifact": version.artifact,
        "onnx": version.onnx,
        "engine": Engine(version.engine).value,
        "signature": version.signature.to_json(),
    }


def _say(version: Version, target: Path, told: dict[str, Any], *, as_json: bool) -> None:
    refused = refused_of(target) if told["refused"] else None
    if as_json:
        print_json({**told, "model": version.model, "out": target, "refused_rows_in": refused})
        return
    answered = told["rows"] - told["refused"]
    print(f"{answered:,} answers of {version.reference} in {target}", file=sys.stderr)
    if told["began"]:
        print(f"{told['began']:,} of the rows were answered before it was interrupted", file=sys.stderr)
    if told["left_out"]:
        print(f"not fields of the model, and left out: {', '.join(told['left_out'])}", file=sys.stderr)
    if refused is not None:
        print(f"{told['refused']:,} rows were refused: {refused} says which and why", file=sys.stderr)
