"""`quarterdeck pipeline rows`: the rows that a run held out, as they are after the features step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarterdeck.console.cli.output import print_json
from quarterdeck.console.cli.rows import write_frame
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.console.context import Console
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.values import RunStatus
from quarterdeck.store import runs, steps
from quarterdeck.store.workspace import load_manifest

if TYPE_CHECKING:
    import polars as pl

Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="A .parquet or .csv file to write.")]
Train = Annotated[bool, typer.Option("--train", help="Those it was trained on instead.")]


def rows(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The pipeline's name, which is its folder's.")],
    out: Out,
    train: Train = False,
    as_json: AsJson = False,
) -> None:
    """Write the held-out rows of the last run that succeeded, with features and target, for `model import`."""
    with opened(ctx) as console:
        load_manifest(console.workspace, name)
        run_id, frame = held_out(console, name, train=train)
        write_frame(out, frame)
    if as_json:
        print_json({"run": run_id, "rows": frame.height, "columns": frame.columns, "file": out})
    else:
        print(f"{out}: {frame.height:,} rows of run {run_id}, {len(frame.columns)} columns")


def held_out(console: Console, pipeline: str, *, train: bool) -> tuple[int, pl.DataFrame]:
    """The number of the newest run that succeeded, and a part of its split."""
    # only this command loads polars
    from quarterdeck.core.pipeline.frames import HOLDOUT, TRAIN, part_of_split
    from quarterdeck.store.artifacts import ArtifactStore
    from quarterdeck.store.codecs import decode

    with console.database.read() as tx:
        run = next(iter(runs.page(tx, pipeline=pipeline, status=RunStatus.SUCCEEDED, limit=1)), None)
        if run is None:
            raise NotFoundError(f"no run of {pipeline} has succeeded", hint=f"`quarterdeck pipeline run {pipeline}`")
        sha256 = _split(tx, run.id)
    if sha256 is None:
        raise NotFoundError(f"run {run.id} of {pipeline} held no rows out", hint="it has no step that evaluates")
    artifacts = ArtifactStore(console.settings.artifacts_url or console.workspace.artifacts)
    return run.id, part_of_split(decode(artifacts.get(sha256), artifacts.get), TRAIN if train else HOLDOUT)


def _split(tx: Any, run_id: int) -> str | None:
    """What the step `evaluate` of a run took as its split."""
    judges = {step.name for step in steps.of_run(tx, run_id) if step.uses == "evaluate"}
    lineage = steps.lineage_of(tx, run_id)
    return next((sha for step, way, name, sha in lineage if step in judges and (way, name) == ("in", "split")), None)


COMMANDS = {"rows": rows}
