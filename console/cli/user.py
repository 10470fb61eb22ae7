"""`quarterdeck user`: who may do what, in which environment."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Reason, opened
from quarterdeck.console.context import Console
from quarterdeck.core.rights import EVERYWHERE, Grant, Right, Role, rights_of
from quarterdeck.store import environments, rights

app = noun("People and their roles: list, grant, revoke, whoami.")
Person = Annotated[str, typer.Argument(help="The account they log in with, or token:NAME.")]
Where = Annotated[
    str | None, typer.Option("--environment", "-e", help=f'This one, or "{EVERYWHERE}" for all; else the workspace\'s.')
]


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Everybody who has a role, and where."""
    with opened(ctx) as console, console.database.read() as tx:
        found = rights.grants(tx)
    if as_json:
        print_json(found)
        return
    rows = [
        (item.person, item.environment, item.role, _gates(item), item.granted_by, item.granted_at) for item in found
    ]
    columns = ("person", "environment", "role", "gates", "given by", "given at")
    print_table(columns, rows, empty="Nobody has a role yet: the first who changes something becomes admin.")


def _gates(grant: Grant) -> str | None:
    if grant.role is not Role.APPROVER:
        return None
    return "all that are asked" if grant.gates is None else ", ".join(grant.gates)


@app.command()
def grant(
    ctx: typer.Context,
    person: Person,
    role: Annotated[Role, typer.Argument(help="What they may: docs/rights.md.")],
    environment: Where = None,
    gate: Annotated[
        list[str] | None,
        typer.Option("--gate", "-g", help="An approver promotes only where this passes; may be repeated; else all."),
    ] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Give a person a role, in place of the one they had in that environment."""
    with opened(ctx) as console:
        place = environment or console.environment
        gates = tuple(gate) if gate else None
        unseen = _unseen(console, place)
        done = acts.grant(console, person, role, environment=place, reason=reason or "", gates=gates)
    if unseen:
        print(f"note:  nothing has been done in {place!r} yet, and this workspace is {unseen!r}", file=sys.stderr)
    if as_json:
        print_json(done)
        return
    bound = f", where {_gates(done)} pass" if gates else ""
    print(f"{person} is {done.role} {_in(place)}{bound}")


def _unseen(console: Console, place: str) -> str | None:
    """The workspace's own environment, where the named one may be a slip of the pen."""
    with console.database.read() as tx:
        known = environments.seen(tx) | {EVERYWHERE, console.environment}
    return None if place in known else console.environment


@app.command()
def revoke(
    ctx: typer.Context, person: Person, environment: Where = None, reason: Reason = None, as_json: AsJson = False
) -> None:
    """Take a person's role in an environment away."""
    with opened(ctx) as console:
        place = environment or console.environment
        acts.revoke(console, person, environment=place, reason=reason or "")
    if as_json:
        print_json({"person": person, "environment": place, "role": None})
    else:
        print(f"{person} has no role of their own {_in(place)} any more")


@app.command()
def whoami(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Who you are here, through which account, and what you may."""
    with opened(ctx) as console, console.database.read() as tx:
        found = rights.grant_of(tx, console.person, console.environment)
        new = rights.is_new(tx)
    role = Role.ADMIN if new else None if found is None else found.role
    may = [right for right in Right if right in rights_of(role)]
    if as_json:
        print_json({"person": console.person, "actor": console.actor, "environment": console.environment,
                    "role": role, "gates": found and found.gates, "may": may, "new_workspace": new})  # fmt: skip
        return
    said = "nobody has a role yet: your first change makes you admin" if new else role
    print_fields(
        [
            ("person", console.person),
            ("acts as", console.actor),
            ("environment", console.environment),
            ("role", said or "none: an admin gives one with `quarterdeck user grant`"),
            ("gates", None if found is None else _gates(found)),
            ("may", "\n".join(may) or "nothing but read what the files let you"),
        ]
    )


def _in(environment: str) -> str:
    return "everywhere" if environment == EVERYWHERE else f"in {environment}"
