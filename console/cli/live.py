"""What was live at a time, printed: for `audit live-at` and `model live-at`."""

from __future__ import annotations

from datetime import UTC, datetime

from quarterdeck.console.cli.model_common import known
from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import UsageError
from quarterdeck.store.live_at import live_at


def show_live(console: Console, time: str, *, model: str | None = None, as_json: bool) -> None:
    """Of one model or of all, in every environment. NotFoundError for a model that was never registered."""
    at = past(time, utc_now())
    if model is not None:
        known(console, model)
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
    when = f"at {in_utc(at)}"
    if rows:
        print(when)
    print_table(columns, rows, empty=f"Nothing was live {when}." if model is None else f"No {model} was live {when}.")


def in_utc(at: datetime) -> str:
    """A time with its zone in words, because the one who typed it may have meant another."""
    seconds = f"{at:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    return f"{seconds} UTC"


def past(text: str, now: datetime) -> datetime:
    """A time that has been: nobody knows what will be live."""
    at = parse_time(text)
    if at > now:
        raise UsageError(f"{in_utc(at)} has not come yet: it is {in_utc(now)}", hint="name a time that has passed")
    return at


def parse_time(text: str) -> datetime:
    """An ISO 8601 date or time; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is not a time", hint="write 2026-11-23 or 2026-11-23T14:00:00+01:00") from None
