"""`quarterdeck init`: a workspace with pipelines that work."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from quarterdeck.console.cli.noun import single
from quarterdeck.console.cli.output import print_json
from quarterdeck.console.cli.session import AsJson
from quarterdeck.store.workspace import create_workspace, pipelines

app = single()


@app.command(help="Make a workspace with a pipeline that works.")
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where; it may exist.")],
    no_data: Annotated[bool, typer.Option("--no-data", help="Leave the sample data out.")] = False,
    as_json: AsJson = False,
) -> None:
    workspace = create_workspace(directory, data=not no_data)
    names = [name for name, _ in pipelines(workspace)]
    if as_json:
        print_json({"workspace": workspace.root, "pipelines": names, "data": not no_data})
        return
    print(f"made {workspace.root} with the pipelines {', '.join(names)}")
    print(f"next:  cd {shlex.quote(str(directory))}")
    if no_data:
        print("       put the data where pipelines/*/pipeline.toml reads it")
    print(f"       quarterdeck pipeline run {names[0]}" if names else "       quarterdeck doctor")
