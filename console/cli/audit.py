"""`quarterdeck audit`: the ledger of everything that changed what is live."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from quarterdeck.console.cli.live import parse_time, show_live
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_csv, print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Limit, Offset, opened
from quarterdeck.console.formats import counted
from quarterdeck.console.queries.entries import Wanted, search
from quarterdeck.core.errors import IntegrityError, UsageError
from quarterdeck.core.ledger import Entry
from quarterdeck.store import auditing, ledger

ENTRY_FIELDS = (
    "seq", "at", "actor", "act", "subject", "environment", "reason", "evidence", "before", "after", "previous_hash",
    "hash",
)  # fmt: skip
app = noun("The ledger: list, verify, show, and what was live when.")


@app.command("list")
def list_(
    ctx: typer.Context,
    subject: Annotated[
        str | None, typer.Option("--subject", "-s", help="A model or a version: flights, flights@3.")
    ] = None,
    act: Annotated[str | None, typer.Option("--act", help="Only this act: promote, register, refused ...")] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="PERSON", help="Only theirs, through any account.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="From then on; UTC unless it says.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then.")] = None,
    limit: Limit = 50,
    offset: Offset = 0,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one entry a line, with every field.")] = False,
    as_json: AsJson = False,
) -> None:
    """Entries, the newest first."""
    if as_csv and as_json:
        raise UsageError("--csv and --json are two forms", hint="give one of them")
    wanted = Wanted(subject=subject, act=act, by=by, since=_time(since), until=_time(until))
    with opened(ctx) as console, console.database.read() as tx:
        found = search(tx, wanted, limit=limit, offset=offset)
    if as_csv:
        print_csv(ENTRY_FIELDS, ([getattr(item, name) for name in ENTRY_FIELDS] for item in found))
        return
    if as_json:
        print_json(found)
        return
    if act == "refused":
        _print_refusals(found)
        return
    rows = [(item.seq, item.at, item.actor, item.act, item.subject, item.environment, item.reason) for item in found]
    columns = ("seq", "at", "by", "act", "subject", "environment", "reason")
    print_table(columns, rows, empty="The ledger has no such entry.")


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)


def _print_refusals(found: list[Entry]) -> None:
    """What was wanted, why it was refused, and who could have done it."""
    rows = [
        (item.seq, item.at, item.actor, item.evidence.get("wanted"), item.subject, item.environment, item.reason,
         item.evidence.get("hint"))
        for item in found
    ]  # fmt: skip
    columns = ("seq", "at", "by", "wanted", "subject", "environment", "refused because", "who may")
    print_table(columns, rows, empty="Nothing was refused.")


@app.command()
def verify(
    ctx: typer.Context,
    head: Annotated[
        str | None, typer.Option("--head", metavar="HASH", help="The last hash as noted elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every entry's hash and chain, and the aliases against them; exit 6 if anything was changed."""
    with opened(ctx) as console, console.database.read() as tx:
        count, problems = auditing.verify(tx)
        last = next(iter(ledger.entries(tx, limit=1)), None)
        found = [(problem.seq, problem.message) for problem in problems]
        if head is not None and not ledger.knows_hash(tx, head):
            found.append((count, "no entry has the hash that was noted: the chain was cut or replaced"))
    if as_json:
        noted = [{"seq": seq, "message": message} for seq, message in found]
        print_json({"entries": count, "ok": not found, "head": last.hash if last else None, "problems": noted})
    else:
        print(
            f"{counted(count, 'entry', 'entries')}, {counted(len(found), 'problem')}"
            + (f", head {last.hash}" if last else "")
        )
        if found:
            print_table(("seq", "problem"), found, empty="")
    if found:
        raise IntegrityError(
            "the ledger is not what was written", where=f"entry {found[0][0]}", hint="compare with a backup"
        )


@app.command()
def show(
    ctx: typer.Context, seq: Annotated[int, typer.Argument(metavar="SEQ", min=1)], as_json: AsJson = False
) -> None:
    """One entry whole: who, why, on what evidence, before and after, and its hashes."""
    with opened(ctx) as console, console.database.read() as tx:
        entry = ledger.get(tx, seq)
    if as_json:
        print_json(entry)
        return
    names = [name for name in ENTRY_FIELDS if name != "evidence"]
    print_fields([*((name, getattr(entry, name)) for name in names), *(
        (f"evidence {key}", value) for key, value in entry.evidence.items()
    )])  # fmt: skip


@app.command("live-at")
def live_at_(
    ctx: typer.Context,
    time: Annotated[str, typer.Argument(metavar="TIME", help="2026-11-23, 2026-11-23T14:00, with a zone or UTC.")],
    as_json: AsJson = False,
) -> None:
    """What was live at a time, since when, who decided it and why: from the ledger alone."""
    with opened(ctx) as console:
        show_live(console, time, as_json=as_json)
