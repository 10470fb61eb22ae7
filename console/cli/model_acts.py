"""The acts of `quarterdeck model`: what changes is restated, confirmed, and refused if it changed since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.ask import confirm, need_reason
from quarterdeck.console.cli.output import print_json
from quarterdeck.console.cli.session import AsJson, Reason, Yes, opened
from quarterdeck.console.context import Console
from quarterdeck.core.errors import NotAllowedError, NotFoundError, UsageError
from quarterdeck.core.registry import Version, check_promotable, check_rollback, parse_reference
from quarterdeck.core.values import Alias
from quarterdeck.store import registry

Model = Annotated[str, typer.Argument(help="The model's name.")]
Wanted = Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="flights@3, or flights@challenger.")]
Force = Annotated[bool, typer.Option("--force", help="Promote although a gate held or failed.")]


def promote(
    ctx: typer.Context, reference: Wanted, reason: Reason = None, force: Force = False, yes: Yes = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Make a version the champion, if its gates passed."""
    with opened(ctx) as console:
        version, names = _look(console, reference)
        champion = names.get(Alias.CHAMPION)
        check_promotable(version, _named(console, version.model, champion), force=force)
        reason = need_reason(reason)
        what = [
            f"promote  {version.reference} ({version.state}) to champion in {console.environment}",
            f"champion now: {_name(version.model, champion)}" + (", it becomes previous" if champion else ""),
            *(f"{item.outcome.upper():5} {item.gate}: {item.reason}" for item in version.verdicts),
            f"reason   {reason}",
        ]
        confirm(what, yes=yes)
        done = acts.promote(console, version.reference, reason=reason, saw_champion=champion, force=force)
    _say(done, f"{done.reference} is champion in {console.environment}", as_json=as_json)


def rollback(
    ctx: typer.Context, model: Model, reason: Reason = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Make the previous champion the champion again, at once."""
    with opened(ctx) as console:
        names = _aliases(console, model)
        champion = names.get(Alias.CHAMPION)
        before = _named(console, model, champion)
        back = check_rollback(before, _named(console, model, names.get(Alias.PREVIOUS)), model=model)
        reason = need_reason(reason)
        what = [
            f"roll back  {_name(model, champion)} to {back.reference} in {console.environment}",
            "no gate and no analysis is asked",
            f"reason     {reason}",
        ]
        confirm(what, yes=yes)
        done = acts.rollback(console, model, reason=reason, saw_champion=champion)
    _say(done, f"{done.reference} is champion in {console.environment} again", as_json=as_json)


def challenge(ctx: typer.Context, reference: Wanted, reason: Reason = None, as_json: AsJson = False) -> None:
    """Let an accepted version answer in shadow beside the champion."""
    with opened(ctx) as console:
        done = acts.challenge(console, reference, reason=reason or "")
    _say(done, f"{done.reference} is challenger in {console.environment}", as_json=as_json)


def withdraw(ctx: typer.Context, model: Model, reason: Reason = None, as_json: AsJson = False) -> None:
    """Take the challenger out of the traffic; the champion stays."""
    with opened(ctx) as console:
        number = _aliases(console, model).get(Alias.CHALLENGER)
        acts.withdraw(console, model, reason=reason or "")
        with console.database.read() as tx:
            version = registry.get(tx, model, number) if number is not None else None
    _say(version, f"{_name(model, number)} is no challenger any more", as_json=as_json)


def verify(
    ctx: typer.Context,
    reference: Annotated[str | None, typer.Argument(metavar="[MODEL[@VERSION]]", help="Which; else all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hash the artifacts of versions again and hold them against the registry; exit 6 if one differs."""
    from quarterdeck.console.cli.verifying import verify_versions

    with opened(ctx) as console:
        verify_versions(console, _all_of(console, reference), as_json=as_json)


def _all_of(console: Console, text: str | None) -> list[Version]:
    with console.database.read() as tx:
        if text is None:
            return registry.versions(tx, limit=1_000_000)
        reference = parse_reference(text)
        if reference.version is not None or reference.alias is not None:
            return [registry.resolve(tx, reference, console.environment)]
        found = registry.versions(tx, model=reference.model, limit=1_000_000)
    if not found:
        raise NotFoundError(f"there is no model {text!r}", hint="`quarterdeck model list` shows them")
    return found


def _look(console: Console, text: str) -> tuple[Version, dict[Alias, int]]:
    """The version that is meant and the names as they are now: what the operator sees and confirms."""
    if console.read_only:
        raise NotAllowedError("this console is read-only", hint="start it without --read-only")
    reference = parse_reference(text)
    if reference.version is None and reference.alias is not Alias.CHALLENGER:
        raise UsageError(f"{text!r} does not say which version", hint=f"write {reference.model}@NUMBER")
    with console.database.read() as tx:
        version = registry.resolve(tx, reference, console.environment)
        return version, registry.aliases(tx, version.model, console.environment)


def _aliases(console: Console, model: str) -> dict[Alias, int]:
    if console.read_only:
        raise NotAllowedError("this console is read-only", hint="start it without --read-only")
    with console.database.read() as tx:
        if not registry.versions(tx, model=model, limit=1):
            raise NotFoundError(f"there is no model {model!r}", hint="`quarterdeck model list` shows them")
        return registry.aliases(tx, model, console.environment)


def _named(console: Console, model: str, number: int | None) -> Version | None:
    if number is None:
        return None
    with console.database.read() as tx:
        return registry.get(tx, model, number)


def _name(model: str, number: int | None) -> str:
    return "none" if number is None else f"{model}@{number}"


def _say(version: Version | None, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"version": version})
    else:
        print(text)


COMMANDS: dict[str, Callable[..., Any]] = {
    "promote": promote,
    "rollback": rollback,
    "challenge": challenge,
    "withdraw": withdraw,
    "verify": verify,
}
