"""What was, in `quarterdeck model`: history, live-at, undo, and whether the bytes still are what was registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from quarterdeck.console import acts
from quarterdeck.console.acts.guard import check_right
from quarterdeck.console.cli.ask import confirm, need_reason
from quarterdeck.console.cli.live import show_live
from quarterdeck.console.cli.model_common import Ref, known
from quarterdeck.console.cli.output import moment, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Limit, Offset, Reason, Yes, opened
from quarterdeck.console.context import Console
from quarterdeck.console.queries.undoing import taken_back
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.registry import Version, parse_reference
from quarterdeck.core.rights import Right
from quarterdeck.store import ledger, registry


def history(ctx: typer.Context, reference: Ref, limit: Limit = 50, offset: Offset = 0, as_json: AsJson = False) -> None:
    """What the ledger says about a model or a version, the newest first."""
    subject = str(parse_reference(reference))
    with opened(ctx) as console:
        known(console, parse_reference(reference).model)
        with console.database.read() as tx:
            found = ledger.entries(tx, subject=subject, limit=limit, offset=offset)
    if as_json:
        print_json(found)
        return
    rows = [(item.seq, item.at, item.act, item.subject, item.environment, item.actor, item.reason) for item in found]
    columns = ("seq", "at", "act", "subject", "environment", "by", "reason")
    print_table(columns, rows, empty="The ledger says nothing about it.")


def live_at(
    ctx: typer.Context,
    time: Annotated[str, typer.Argument(metavar="TIME", help="2026-11-23, 2026-11-23T14:00, with a zone or UTC.")],
    model: Annotated[str | None, typer.Argument(metavar="[MODEL]", help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """What was live at a time, since when, who decided it and why: from the ledger alone."""
    with opened(ctx) as console:
        show_live(console, time, model=model, as_json=as_json)


def undo(
    ctx: typer.Context,
    event: Annotated[int, typer.Argument(metavar="EVENT", min=1, help="The ledger's number of it: model history.")],
    reason: Reason = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take an act back, as a new entry of the ledger; refused where something changed since."""
    with opened(ctx) as console:
        with console.database.read() as tx:
            entry = ledger.get(tx, event)
        check_right(console, Right.DEMOTE, act="undo", subject=entry.subject)
        with console.database.read() as tx:
            changes = taken_back(tx, console.environment, entry)
        reason = need_reason(reason)
        what = [
            f"undo    {event}: {entry.act} {entry.subject} in {entry.environment}",
            f"done    {moment(entry.at)} by {entry.actor}: {entry.reason or 'no reason given'}",
            *(f"{what:<7} {before} -> {after}" for what, before, after in changes),
            *(["NOBODY answers then"] if ("champion", "none") in [(what, after) for what, _, after in changes] else []),
            f"reason  {reason}",
        ]
        confirm(what, yes=yes)
        done = acts.undo(console, event, reason=reason)
        with console.database.read() as tx:
            (last,) = ledger.entries(tx, subject=entry.subject.partition("@")[0], limit=1)
    if as_json:
        print_json({"undone": entry, "entry": last})
        return
    print(f"undone: {done}, by entry {last.seq}")
    print("; ".join(f"{what} is {after} now" for what, _, after in changes))


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


COMMANDS: dict[str, Callable[..., Any]] = {"undo": undo, "history": history, "live-at": live_at, "verify": verify}
