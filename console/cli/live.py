"""What was live at a time, printed: for `audit live-at` and `model live-at`."""

from __future__ import annotations

from datetime import UTC, datetime

from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.context import Console
from quarterdeck.core.errors import UsageError
from quarterdeck.store.live_at import live_at


def show_live(console: Console, time: str, *, model: str | None = None, as_json: bool) -> None:
    """Of one model or of all, in every environment."""
    at = parse_time(time)
    with console.database.read() as tx:
        found = [item for item in live_at(tx, at) if model in (None, item.model)]
    if as_json:
        print_json({"at": at, "live": found})
        return
    rows = [
        (item.model, item.environment, item.champion, item.challenger, item.previous,
         item.entry.at, item.entry.actor, item.entry.reason, item.entry.seq)
        for item in found
    ]  # fmt: skip
    columns = ("model", "environment", "champion", "challenger", "previous", "since", "by", "reason", "entry")
    print_table(columns, rows, empty="Nothing was live then.")


def parse_time(text: str) -> datetime:
    """An ISO 8601 date or time; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a time", hint="write 2026-11-23 or 2026-11-23T14:00:00+01:00") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
