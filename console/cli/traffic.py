"""`quarterdeck traffic`: the prediction log as a person uses it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from quarterdeck.console.cli.helper import rows_bar, run_helper
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import jsonable, print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Limit, opened
from quarterdeck.console.cli.traffic_filters import Filters, filtered
from quarterdeck.console.cli.traffic_rows import as_line, as_object, say_more
from quarterdeck.console.context import Console
from quarterdeck.console.formats import size
from quarterdeck.console.queries.traffic_log import (
    Holding,
    check_endpoint,
    columns_of,
    holding,
    signatures_of,
)
from quarterdeck.core.clock import utc_now
from quarterdeck.store import traffic_log
from quarterdeck.store.traffic import moment
from quarterdeck.store.traffic_log import Asked

POLL_S = 0.2
AT_ONCE = 1_000  # rows of one look of `tail`
INTERRUPTED = 130

app = noun("The prediction log: show, tail, query, export.")

Endpoint = Annotated[str | None, typer.Option("--endpoint", "-e", metavar="NAME", help="Only this one's.")]


@app.command()
def show(ctx: typer.Context, endpoint: Endpoint = None, as_json: AsJson = False) -> None:
    """How much the log holds, by endpoint, version and arm, and what retention will do."""
    with opened(ctx) as console:
        if endpoint is not None:
            check_endpoint(console, endpoint)
        found = holding(console, utc_now(), endpoint)
    if as_json:
        print_json(found)
        return
    rows = [(share.endpoint, share.version, share.arm, share.rows, share.first, share.last) for share in found.shares]
    print_table(("endpoint", "version", "arm", "rows", "first", "last"), rows, empty="Nothing has been predicted yet.")
    print_fields([("rows", f"{found.rows:,}"), ("labels", _labels(found)), ("size", _size(found)), *_retention(found)])


@app.command()
def tail(
    ctx: typer.Context,
    endpoint: Endpoint = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=AT_ONCE, help="Begin with the last so many.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line.")] = False,
) -> None:
    """New predictions as they come, one a line, until ctrl+c."""
    asked = Asked(endpoint=endpoint)
    with opened(ctx) as console:
        if endpoint is not None:
            check_endpoint(console, endpoint)
        with console.traffic.read() as tx:
            place = traffic_log.newest(tx)
            found = traffic_log.page(tx, asked, limit=lines, before=place + 1)[::-1] if lines else []
        try:
            while True:
                for row in found:
                    print(json.dumps(jsonable(as_object(row)), ensure_ascii=False) if as_json else as_line(row))
                sys.stdout.flush()
                if len(found) < AT_ONCE:
                    time.sleep(POLL_S)
                place, found = _next(console, asked, place)
        except KeyboardInterrupt:  # how it is meant to end
            return


@app.command()
@filtered
def query(
    ctx: typer.Context,
    endpoint: Endpoint = None,
    *,
    filters: Filters,
    prediction: Annotated[str | None, typer.Option("--id", help="Only the answer with this id.")] = None,
    limit: Limit = 50,
    before: Annotated[
        int | None, typer.Option("--before", min=1, metavar="ROW", help="The next page: older than this row.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Answers with their labels, the newest first, a page at a time."""
    with opened(ctx) as console:
        asked = filters.asked(console, endpoint, id=prediction)
        with console.traffic.read() as tx:
            found = traffic_log.page(tx, asked, limit=limit, before=before)
    if as_json:
        print_json([as_object(row) for row in found])
        return
    rows = [
        (
            row.seq,
            row.at,
            f"{row.endpoint}@{row.version}",
            row.arm,
            row.entity,
            row.answer,
            row.score,
            row.label,
            row.id,
        )
        for row in found
    ]
    columns = ("row", "at", "version", "arm", "entity", "answer", "score", "label", "id")
    print_table(columns, rows, empty="There are no such predictions.")
    say_more(found, limit)


@app.command()
@filtered
def export(
    ctx: typer.Context,
    endpoint: Annotated[str, typer.Argument(help="The endpoint, which bears its model's name.")],
    target: Annotated[Path, typer.Option("--out", metavar="FILE", help="Its name ends in .parquet, .csv or .jsonl.")],
    *,
    filters: Filters,
    as_json: AsJson = False,
) -> None:
    """Write answers, their inputs and labels as a table to a file: all of it, or no file."""
    with opened(ctx) as console:
        over, told = _export(console, endpoint, target, filters.asked(console, endpoint))
    if not over:
        print("no file was written", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)
    if as_json:
        print_json({"out": target, "rows": told["rows"], "bytes": told["bytes"], "peak_bytes": told["peak_bytes"]})
    else:
        print(f"{told['rows']:,} predictions in {target}, {size(told['bytes'])}", file=sys.stderr)


def _export(console: Console, endpoint: str, target: Path, asked: Asked) -> tuple[bool, dict[str, Any]]:
    fields, outcome = columns_of(signatures_of(console, endpoint))
    console.traffic.close()
    order = {
        "traffic": str(console.workspace.traffic_database),
        "target": str(target.absolute()),
        "asked": jsonable(asked),
        "fields": fields,
        "outcome": outcome,
    }
    with rows_bar(endpoint) as on_progress:
        module = "quarterdeck.scheduler.batch.export"
        return run_helper(module, order, log=console.workspace.logs / "export.log", on_progress=on_progress)


def _next(console: Console, asked: Asked, place: int) -> tuple[int, list[traffic_log.Logged]]:
    """What came after a place, and how far that is: also past rows that were not asked for."""
    with console.traffic.read() as tx:
        end = traffic_log.newest(tx)
        found = traffic_log.following(tx, asked, after=place, upto=end, limit=AT_ONCE) if end > place else []
    return (found[-1].seq if len(found) == AT_ONCE else max(place, end)), found


def _labels(found: Holding) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in sorted(found.labels.items())) or "none"


def _size(found: Holding) -> str:
    free = f", and {size(found.free_bytes)} free in the file" if found.free_bytes else ""
    return f"{size(found.used_bytes)}{free}"


def _retention(found: Holding) -> list[tuple[str, Any]]:
    plan = found.retention
    age = "whatever their age" if plan.keep_days is None else f"for {plan.keep_days:g} days"
    most = "whatever the size" if plan.max_bytes is None else f"up to {size(plan.max_bytes)}"
    will = [f"{plan.older:,} older rows go"] if plan.older else []
    if plan.over_bytes:
        will.append(f"the oldest go until {size(plan.over_bytes)} less are used")
    removed = [
        f"{item.endpoint}: {item.predictions:,} predictions, {item.labels:,} labels, last {moment(item.last_at):%F %TZ}"
        for item in found.removed
    ]
    needed = [f"{hold.endpoint} since {moment(hold.since):%F %TZ}: {hold.why}" for hold in plan.needed]
    return [
        ("kept", f"{age}, {most}"),
        ("next", "; ".join(will) or "nothing has to go"),
        ("needed", "\n".join(needed) or "nothing beyond that"),
        ("removed", "\n".join(removed) or "nothing so far"),
        ("lost", f"{found.lost:,} answers that killed processes had not logged"),
    ]
