"""How every noun's commands are set up: plain help, whole sentences, no completion of its own."""

from __future__ import annotations

import inspect
from typing import Any

import typer
from typer.core import TyperGroup

CONTEXT = {"help_option_names": ["-h", "--help"]}


class _Group(TyperGroup):
    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Like the base's, but no description is cut."""
        rows = [(name, first_sentence(self.commands[name])) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def first_sentence(command: Any) -> str:
    """The first paragraph of a command's help, as one line."""
    return " ".join(inspect.cleandoc(command.help or "").partition("\n\n")[0].split())


def noun(says: str) -> typer.Typer:
    """The commands of one noun; named alone it prints its help, with exit 2 as for any half command."""
    app = typer.Typer(cls=_Group, help=says, rich_markup_mode=None, add_completion=False, context_settings=CONTEXT)

    @app.callback(invoke_without_command=True)
    def alone(ctx: typer.Context) -> None:
        if ctx.invoked_subcommand is None:
            print(ctx.get_help())
            raise typer.Exit(2)

    return app


def single() -> typer.Typer:
    """One command that is its own noun."""
    return typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=CONTEXT)
