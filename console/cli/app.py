"""Which commands there are. Each noun's module is loaded when the noun is named, and only then."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from quarterdeck.console.cli.noun import CONTEXT
from quarterdeck.console.cli.options import Options

PROGRAM = "quarterdeck"

# name -> what it is, for the first help page; the module of the same name in this folder has the rest
COMMANDS: dict[str, str] = {
    "init": "Make a workspace with a pipeline that works.",
    "demo": "See the whole loop on a workspace of its own, in a minute or two.",
    "doctor": "Check the installation, the workspace and what runs.",
    "pipeline": "Pipelines: list, show, check, run, rows.",
    "run": "Runs of pipelines: list, show, logs, cancel, resume.",
    "model": "Models and versions: list, compare, approve, promote, roll back, undo, verify.",
    "gate": "Gates of a model: list, show, edit, history, judge.",
    "rollout": "How versions reach the traffic: list, show, start, pause, resume, abort, promote.",
    "duel": "Champion and challenger on live traffic: list, show.",
    "service": "What runs, and how it answers: list, show, plan, test, load, logs.",
    "serve": "Run the prediction server in this terminal.",
    "predict": "Ask the prediction server for answers to rows.",
    "traffic": "The prediction log: show, tail, query, export.",
    "monitor": "What the monitor saw: windows, drift, alerts.",
    "notification": "What receivers outside are told: list, show, retry, discard, test, receivers.",
    "review": "Predictions that wait for a person: list, next, accept, correct, skip, undo.",
    "trigger": "What starts runs by itself: list, show, next, firings, fire, pause, resume.",
    "why": "What led to a run or a version, and what came of it.",
    "daemon": "The process that trains, watches and retrains.",
    "audit": "The ledger: list, verify, show, and what was live when.",
    "user": "People and their roles: list, grant, revoke, whoami.",
    "token": "Tokens for programs that act or ask for predictions: create, list, rotate, revoke.",
    "web": "Serve the terminal console to a browser on this machine.",
    "keys": "The keys of the terminal console.",
}


class LazyGroup(TyperGroup):
    """Loads a command's module when the command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            self.commands[cmd_name] = load(cmd_name)
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        # the group's own suggestions know only the commands that are loaded
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"there is no command {args[0]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def load(name: str) -> Any:
    """The command of a noun, from its module."""
    found = get_command(importlib.import_module(f"quarterdeck.console.cli.{name}").app)
    found.name = name
    return found


app = typer.Typer(
    cls=LazyGroup,
    rich_markup_mode=None,
    add_completion=False,
    invoke_without_command=True,
    context_settings=CONTEXT,
)


@app.callback()
def root(
    ctx: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", metavar="DIR", help="The workspace; else found from here upwards."),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse every change.")] = False,
    plain: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """A control console for machine learning in production.

    Without a command it opens the terminal console.
    """
    ctx.obj = Options(workspace=workspace, read_only=read_only, ascii=plain)
    if version:
        from importlib.metadata import version as installed

        print(f"quarterdeck {installed('quarterdeck')}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        _open(ctx)


def _open(ctx: typer.Context) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(ctx.get_help())
        return
    # start-up time: no other command needs the terminal screens
    from quarterdeck.console.cli.session import opened
    from quarterdeck.console.tui.app import run

    with opened(ctx) as console:
        run(console, plain=ctx.obj.ascii or None)


def command() -> Any:
    """The whole command line."""
    return get_command(app)
