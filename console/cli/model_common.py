"""What the commands of `quarterdeck model` share: arguments, the version that is meant, and how it is said."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.console.acts.guard import check_right
from quarterdeck.console.cli.output import print_json
from quarterdeck.console.context import Console
from quarterdeck.core.errors import NotFoundError, UsageError
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.rights import Right
from quarterdeck.core.toml_table import expected_names
from quarterdeck.core.values import Alias
from quarterdeck.store import registry

Model = Annotated[str, typer.Argument(help="The model's name.")]
Ref = Annotated[str, typer.Argument(metavar="MODEL[@VERSION]", help="flights@3, flights@champion, or flights.")]
Wanted = Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="flights@3, or flights@challenger.")]


def version_of(console: Console, text: str) -> Version:
    """The version that is meant; UsageError where the text names only a model."""
    reference = parse_reference(text)
    if reference.version is None and reference.alias is None:
        raise UsageError(f"{text!r} does not say which version", hint=f"write {reference.model}@NUMBER")
    with console.database.read() as tx:
        return registry.resolve(tx, reference, console.environment)


def look(
    console: Console, text: str, right: Right, act: str, *, aliases: tuple[Alias, ...] = (Alias.CHALLENGER,)
) -> tuple[Version, dict[Alias, int]]:
    """For one who may: the version that is meant, and the names as they are now, which the person sees and confirms."""
    check_right(console, right, act=act, subject=text)
    reference = parse_reference(text)
    if reference.version is None and reference.alias not in aliases:
        raise UsageError(f"{text!r} does not say which version", hint=f"write {reference.model}@NUMBER")
    with console.database.read() as tx:
        version = registry.resolve(tx, reference, console.environment)
        return version, registry.aliases(tx, version.model, console.environment)


def names_of(console: Console, model: str, right: Right, act: str) -> dict[Alias, int]:
    """For one who may: which version bears which name."""
    check_right(console, right, act=act, subject=model)
    with console.database.read() as tx:
        known(console, model)
        return registry.aliases(tx, model, console.environment)


def known(console: Console, model: str) -> None:
    """NotFoundError, with the nearest name, for a model that has no version."""
    with console.database.read() as tx:
        if registry.versions(tx, model=model, limit=1):
            return
        models = registry.models(tx)
    raise NotFoundError(f"there is no model {model!r}", hint=expected_names(model, models) if models else None)


def named(console: Console, model: str, number: int | None) -> Version | None:
    if number is None:
        return None
    with console.database.read() as tx:
        return registry.get(tx, model, number)


def name(model: str, number: int | None) -> str:
    return "none" if number is None else f"{model}@{number}"


def say(version: Version | None, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"version": version})
    else:
        print(text)
