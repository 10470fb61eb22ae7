"""`quarterdeck token`: names under which programs act, and ask the prediction server.

A secret is shown once; only its hash is kept.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import moment, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Reason, opened
from quarterdeck.console.cli.user import Where
from quarterdeck.console.presented import TOKEN, TOKEN_FILE
from quarterdeck.core.clients import GREATEST_RATE, Rates
from quarterdeck.core.clock import utc_now
from quarterdeck.core.durations import parse_duration
from quarterdeck.core.rights import Role, Token
from quarterdeck.store import rights, tokens

app = noun("Tokens for programs that act or ask for predictions: create, list, rotate, revoke.")
Name = Annotated[str, typer.Argument(help="What acts with it: nightly-ci.")]
Days = Annotated[int, typer.Option("--days", "-d", min=1, max=3650, help="How long it counts.")]


def _rate(name: str, what: str) -> Any:
    return typer.Option(f"--{name}-per-second", min=1, max=GREATEST_RATE, help=f"Most {what} a second.")


Requests = Annotated[int | None, _rate("requests", "requests")]
Rows = Annotated[int | None, _rate("rows", "rows")]
Bytes = Annotated[int | None, _rate("bytes", "bytes of bodies")]


@app.command()
def create(
    ctx: typer.Context,
    name: Name,
    role: Annotated[Role | None, typer.Option("--role", "-r", help="What it may do: docs/rights.md.")] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option("--endpoint", "-e", metavar="NAME", help="What it may ask; several times, or '*' for all."),
    ] = None,
    days: Days = 90,
    requests_per_second: Requests = None,
    rows_per_second: Rows = None,
    bytes_per_second: Bytes = None,
    environment: Where = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Make a token with a role, or for endpoints of the prediction server; its secret is printed once."""
    rates = Rates(requests=requests_per_second, rows=rows_per_second, bytes=bytes_per_second)
    with opened(ctx) as console:
        place = environment or console.environment
        token, secret = acts.create_token(
            console, name, role, environment=place, days=days, reason=reason or "", endpoints=endpoint or (),
            rates=rates,
        )  # fmt: skip
    asks = [f"may ask {_asks(token)}"] if token.endpoints else []
    roles = [f"is {role} in {place}"] if role is not None else []
    _say(token, secret, f"{token.actor} {' and '.join(roles + asks)}", as_json=as_json)


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
             "roles": [{"environment": place, "role": role} for place, role in roles[token.name]],
             "environment": token.environment, "endpoints": token.endpoints,
             "rates": None if token.rates is None else token.rates.set(), "old_until": token.old_until}
            for token in found
        ])  # fmt: skip
        return
    rows = [
        (token.name, token.state(now), ", ".join(f"{role} in {place}" for place, role in roles[token.name]),
         _asks(token), token.expires_at, token.created_by, token.created_at)
        for token in found
    ]  # fmt: skip
    columns = ("token", "state", "roles", "asks", "until", "made by", "made")
    print_table(
        columns, rows, empty="No tokens: `quarterdeck token create NAME --role ROLE` makes one; --endpoint a client's."
    )


@app.command()
def rotate(
    ctx: typer.Context,
    name: Name,
    days: Annotated[
        int | None, typer.Option("--days", "-d", min=1, max=3650, help="How long it counts; else as long as before.")
    ] = None,
    grace: Annotated[
        str | None, typer.Option("--grace", metavar="1h", help="How long the old secret counts beside the new one.")
    ] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Give a token a new secret, printed once; the old one counts no more, or for a grace."""
    more = timedelta(0) if grace is None else parse_duration(grace)
    with opened(ctx) as console:
        token, secret = acts.rotate_token(console, name, days=days, reason=reason or "", grace=more)
    old = "" if token.old_until is None else f"; the old one counts until {moment(token.old_until)}, the new one"
    _say(token, secret, f"{token.actor} has a new secret{old}", as_json=as_json)


@app.command()
def revoke(ctx: typer.Context, name: Name, reason: Reason = None, as_json: AsJson = False) -> None:
    """Take a token back, its old secret and its roles with it."""
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
    if token.endpoints:
        print("Clients of the prediction server send it in a header: Authorization: Bearer SECRET.")


def _asks(token: Token) -> str:
    """Its endpoints, where, and how much."""
    if not token.endpoints:
        return ""
    rates = "" if token.rates is None else "".join(f", {rate:,} {name}/s" for name, rate in token.rates.set().items())
    return f"{', '.join(token.endpoints)} in {token.environment}{rates}"
