"""`quarterdeck model approve | unapprove | approvals`: people's yes to a version, which its promotion may need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.ask import need_reason
from quarterdeck.console.cli.model_common import Ref, Wanted, version_of
from quarterdeck.console.cli.output import print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Reason, opened
from quarterdeck.console.context import Console
from quarterdeck.console.queries.approvals import Standing, standing
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.store import registry


def approve(ctx: typer.Context, reference: Wanted, reason: Reason = None, as_json: AsJson = False) -> None:
    """Say yes to a version in this environment, for its promotion."""
    with opened(ctx) as console:
        version = version_of(console, reference)
        done = acts.approve(console, version.reference, reason=need_reason(reason))
        found = _standing(console, version)
    _say(version, found, f"{done.person} approves {version.reference} in {console.environment}", as_json=as_json)


def unapprove(ctx: typer.Context, reference: Wanted, reason: Reason = None, as_json: AsJson = False) -> None:
    """Take your own approval of a version back."""
    with opened(ctx) as console:
        version = version_of(console, reference)
        acts.unapprove(console, version.reference, reason=need_reason(reason))
        found = _standing(console, version)
    text = f"{console.person} does not approve {version.reference} any more in {console.environment}"
    _say(version, found, text, as_json=as_json)


def approvals(ctx: typer.Context, reference: Ref, as_json: AsJson = False) -> None:
    """Who approved a version in this environment, how many must, and who still may."""
    with opened(ctx) as console:
        with console.database.read() as tx:
            version = registry.resolve(tx, parse_reference(reference), console.environment)
        found = _standing(console, version)
    if as_json:
        print_json({"version": version.reference, "environment": console.environment} | _plain(found))
        return
    print_fields(
        [
            ("version", version.reference),
            ("environment", console.environment),
            ("approved", found.in_words),
            ("may approve", ", ".join(found.may_approve) or None),
        ]
    )
    print()
    rows = [(item.person, item.at, item not in found.void, item.reason) for item in (*found.given, *found.void)]
    print_table(("person", "at", "counts", "reason"), rows, empty=f"Nobody has approved {version.reference}.")


def _standing(console: Console, version: Version) -> Standing:
    with console.database.read() as tx:
        return standing(tx, console, version)


def _say(version: Version, found: Standing, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"version": version.reference} | _plain(found))
    else:
        print(f"{text}: {found.in_words}")


def _plain(found: Standing) -> dict[str, Any]:
    return {
        "needed": found.needed,
        "missing": found.missing,
        "approvals": found.given,
        "void": found.void,
        "may_approve": found.may_approve,
        "problem": found.problem or None,
    }


COMMANDS: dict[str, Callable[..., Any]] = {"approve": approve, "unapprove": unapprove, "approvals": approvals}
