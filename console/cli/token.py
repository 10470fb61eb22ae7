"""`quarterdeck token`: names under which programs act. A secret is shown once; only its hash is kept."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import moment, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Reason, opened
from quarterdeck.console.cli.user import Where
from quarterdeck.console.presented import TOKEN, TOKEN_FILE
from quarterdeck.core.clock import utc_now
from quarterdeck.core.rights import Role, Token
from quarterdeck.store import rights, tokens

app = noun("Tokens for programs that act: create, list, rotate, revoke.")
Name = Annotated[str, typer.Argument(help="What acts with it: nightly-ci.")]
Days = Annotated[int, typer.Option("--days", "-d", min=1, max=3650, help="How long it counts.")]


@app.command()
def create(
    ctx: typer.Context,
    name: Name,
    role: Annotated[Role, typer.Option("--role", "-r", help="What it may: docs/rights.md.")],
    days: Days = 90,
    environment: Where = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Make a token with a role; its secret is printed once."""
    with opened(ctx) as console:
        place = environment or console.environment
        token, secret = acts.create_token(console, name, role, environment=place, days=days, reason=reason or "")
    _say(token, secret, f"{token.actor} is {role} in {place}", as_json=as_json)


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Every token there was, with its roles; no secret."""
    with opened(ctx) as console, console.database.read() as tx:
        found, grants, now = tokens.tokens(tx), rights.grants(tx), utc_now()
    roles = {
        token.name: [(item.environment, item.role) for item in grants if item.person == token.actor] for token in found
    }
    if as_json:
        print_json([
            {"name": token.name, "state": token.state(now), "created_by": token.created_by,
             "created_at": token.created_at, "expires_at": token.expires_at, "revoked_at": token.revoked_at,
             "roles": [{"environment": place, "role": role} for place, role in roles[token.name]]}
            for token in found
        ])  # fmt: skip
        return
    rows = [
        (token.name, token.state(now), ", ".join(f"{role} in {place}" for place, role in roles[token.name]),
         token.expires_at, token.created_by, token.created_at)
        for token in found
    ]  # fmt: skip
    columns = ("token", "state", "roles", "until", "made by", "made")
    print_table(columns, rows, empty="No tokens: `quarterdeck token create NAME --role ROLE` makes one.")


@app.command()
def rotate(ctx: typer.Context, name: Name, days: Days = 90, reason: Reason = None, as_json: AsJson = False) -> None:
    """Give a token a new secret, printed once; the old one counts no more."""
    with opened(ctx) as console:
        token, secret = acts.rotate_token(console, name, days=days, reason=reason or "")
    _say(token, secret, f"{token.actor} has a new secret", as_json=as_json)


@app.command()
def revoke(ctx: typer.Context, name: Name, reason: Reason = None, as_json: AsJson = False) -> None:
    """Take a token back, and its roles with it."""
    with opened(ctx) as console:
        token = acts.revoke_token(console, name, reason=reason or "")
    if as_json:
        print_json(token)
    else:
        print(f"{token.actor} counts no more")


def _say(token: Token, secret: str, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"token": token, "secret": secret})
        return
    until = f" until {moment(token.expires_at)}" if token.expires_at is not None else ""
    print(f"{text}{until}. Its secret, which is not kept and not shown again:\n\n{secret}\n")
    print(f"Put it into {TOKEN}, or into a file with mode 0600 that {TOKEN_FILE} names.")
