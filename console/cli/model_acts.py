"""The acts of `quarterdeck model`: what changes is restated, confirmed, and refused if it changed since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.ask import confirm, need_reason
from quarterdeck.console.cli.model_common import Model, Wanted, look, name, named, names_of, say
from quarterdeck.console.cli.session import AsJson, Reason, Yes, opened
from quarterdeck.console.queries.approvals import standing
from quarterdeck.core.errors import ConflictError, NotFoundError
from quarterdeck.core.registry import check_promotable
from quarterdeck.core.rights import Right
from quarterdeck.core.values import Alias
from quarterdeck.store import registry
from quarterdeck.store.promotion import rollback_target

Force = Annotated[bool, typer.Option("--force", help="Promote although a gate held or failed.")]


Saw = Annotated[
    int | None,
    typer.Option("--saw", metavar="N", help="The champion's number as you saw it: refused if it is another."),
]


def _seen(model: str, champion: int | None, saw: int | None) -> int | None:
    """The champion, where it is the one that the caller saw, or where they did not say."""
    if saw not in (None, champion):
        raise ConflictError(f"the champion of {model} is {name(model, champion)}, not version {saw} as you saw it",
                            hint="look again and decide again")  # fmt: skip
    return champion


def promote(
    ctx: typer.Context, reference: Wanted, reason: Reason = None, force: Force = False, saw: Saw = None,
    yes: Yes = False, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Make a version the champion, if its gates passed and enough people approved it."""
    with opened(ctx) as console:
        version, names = look(console, reference, Right.FORCE if force else Right.PROMOTE, "promote")
        champion = _seen(version.model, names.get(Alias.CHAMPION), saw)
        check_promotable(version, named(console, version.model, champion), force=force)
        with console.database.read() as tx:
            people = standing(tx, console, version)
        reason = need_reason(reason)
        what = [
            f"promote  {version.reference} ({version.state}) to champion in {console.environment}",
            f"champion now: {name(version.model, champion)}" + (", it becomes previous" if champion else ""),
            *(f"{item.outcome.upper():5} {item.gate}: {item.reason}" for item in version.verdicts),
            f"approved: {people.in_words}",
            f"reason   {reason}",
        ]
        if people.clear:  # otherwise the act says what is missing, without asking first
            confirm(what, yes=yes)
        done = acts.promote(console, version.reference, reason=reason, saw_champion=champion, force=force)
    say(done, f"{done.reference} is champion in {console.environment}", as_json=as_json)


def rollback(
    ctx: typer.Context, model: Model, reason: Reason = None, saw: Saw = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Make the previous champion the champion again, at once."""
    with opened(ctx) as console:
        names = names_of(console, model, Right.DEMOTE, "rollback")
        champion = _seen(model, names.get(Alias.CHAMPION), saw)
        with console.database.read() as tx:
            back = rollback_target(tx, model, console.environment)
        reason = need_reason(reason)
        what = [
            f"roll back  {name(model, champion)} to {back.reference} in {console.environment}",
            "no gate, no approval and no analysis is asked",
            f"reason     {reason}",
        ]
        confirm(what, yes=yes)
        done = acts.rollback(console, model, reason=reason, saw_champion=champion)
    say(done, f"{done.reference} is champion in {console.environment} again", as_json=as_json)


def demote(
    ctx: typer.Context, model: Model, reason: Reason = None, saw: Saw = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Reject the champion for cause; the previous one answers again, or nobody does."""
    with opened(ctx) as console:
        names = names_of(console, model, Right.DEMOTE, "demote")
        champion, previous = names.get(Alias.CHAMPION), names.get(Alias.PREVIOUS)
        if champion is None:
            raise NotFoundError(f"{model} has no champion in {console.environment}", hint="`quarterdeck model list`")
        _seen(model, champion, saw)
        back = previous if previous != champion else None
        reason = need_reason(reason)
        what = [
            f"demote  {name(model, champion)} in {console.environment}: it is rejected, and its approvals are void",
            f"{name(model, back)} answers then" if back else f"NOBODY answers for {model} then",
            f"reason  {reason}",
        ]
        confirm(what, yes=yes)
        done = acts.demote(console, model, reason=reason, saw_champion=champion)
    after = f"{done.reference} is champion" if done is not None else f"{model} has no champion"
    say(done, f"{name(model, champion)} is rejected; {after} in {console.environment}", as_json=as_json)


def challenge(ctx: typer.Context, reference: Wanted, reason: Reason = None, as_json: AsJson = False) -> None:
    """Let an accepted version answer in shadow beside the champion."""
    with opened(ctx) as console:
        done = acts.challenge(console, reference, reason=reason or "")
    say(done, f"{done.reference} is challenger in {console.environment}", as_json=as_json)


def withdraw(ctx: typer.Context, model: Model, reason: Reason = None, as_json: AsJson = False) -> None:
    """Take the challenger out of the traffic; the champion stays."""
    with opened(ctx) as console:
        number = names_of(console, model, Right.DEMOTE, "withdraw").get(Alias.CHALLENGER)
        acts.withdraw(console, model, reason=reason or "")
        with console.database.read() as tx:
            version = registry.get(tx, model, number) if number is not None else None
    say(version, f"{name(model, number)} is no challenger any more", as_json=as_json)


def retire(
    ctx: typer.Context, reference: Wanted, reason: Reason = None, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Take a version out for good; it keeps its artifacts, and its place in the history."""
    with opened(ctx) as console:
        version, _ = look(console, reference, Right.OPERATE, "retire", aliases=())
        reason = need_reason(reason)
        what = [f"retire  {version.reference} ({version.state}): it is never served again", f"reason  {reason}"]
        confirm(what, yes=yes)
        done = acts.retire(console, version.reference, reason=reason)
    say(done, f"{done.reference} is retired", as_json=as_json)


COMMANDS: dict[str, Callable[..., Any]] = {
    "promote": promote,
    "rollback": rollback,
    "demote": demote,
    "challenge": challenge,
    "withdraw": withdraw,
    "retire": retire,
}
