"""`quarterdeck model import` and `export`: models from elsewhere, and versions on their way there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quarterdeck.console.cli.model_common import Wanted
from quarterdeck.console.cli.output import print_json, text_of
from quarterdeck.console.cli.session import AsJson, Reason, opened
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Task

Source = Annotated[
    str | None,
    typer.Argument(
        metavar="PATH",
        help="An .onnx, .skops or .pkl file, FILE.py:function, a remote model's .toml, "
        "an MLflow model's folder, or one that `model export` wrote.",
    ),
]
Name = Annotated[str, typer.Option("--name", help="The model to import it into; a new name makes a new model.")]
Remote = Annotated[str | None, typer.Option("--remote", metavar="URL", help="A model that another server answers.")]
Like = Annotated[str | None, typer.Option("--like", metavar="MODEL@N", help="A version that takes the same fields.")]
Rows = Annotated[
    Path | None, typer.Option("--rows", help="Labelled rows, Parquet or CSV: its gates are judged on them.")
]
Target = Annotated[
    str | None, typer.Option("--target", metavar="COLUMN", help="What it predicts; else the pipeline's.")
]
OfTask = Annotated[Task | None, typer.Option("--task", help="Where neither file nor pipeline says it.")]
Trust = Annotated[
    list[str] | None,
    typer.Option("--trust", metavar="NAME", help="A type of a skops file, once for each; or who signs for a pickle."),
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder to write.")]


def import_(
    ctx: typer.Context, name: Name, path: Source = None, remote: Remote = None, like: Like = None, rows: Rows = None,
    target: Target = None, task: OfTask = None, trust: Trust = None, reason: Reason = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Make a version of a model from elsewhere, once it has answered, and judge it where labelled rows are given."""
    from quarterdeck.console.acts import imports  # start-up time: only these two commands need it

    wanted = imports.Wanted(
        name=name, path=path, remote=remote, like=like, rows=rows, target=target, task=task, trust=tuple(trust or ())
    )
    with opened(ctx) as console:
        done = imports.import_model(console, wanted, reason=reason or "", say=lambda text: typer.echo(text, err=True))
    if as_json:
        print_json({"version": done.version, "new": done.new})
        return
    if not done.new:
        print(f"these bytes are {done.version.reference} already ({done.version.state}): nothing new")
        return
    _say(done.version)


def export(ctx: typer.Context, reference: Wanted, out: Out, as_json: AsJson = False) -> None:
    """Write a version as a folder: its model, all that is known of it, its card, and every file's SHA-256."""
    from quarterdeck.console.acts import imports  # as above

    with opened(ctx) as console:
        files = imports.export_version(console, reference, out)
    if as_json:
        print_json({"folder": out, "files": files})
    else:
        print(f"{out}: {', '.join(files)}")


def _say(version: Version) -> None:
    print(f"{version.reference} is {version.state}, answered by {version.engine}: {version.engine_reason}")
    for name, value in version.metrics.items():
        print(f"  {name} {text_of(value)}")
    for verdict in version.verdicts:
        print(f"  {verdict.outcome.upper():5} {verdict.gate}: {verdict.reason}")


COMMANDS = {"import": import_, "export": export}
