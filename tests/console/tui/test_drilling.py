"""Enter goes to what is behind a row: from an event to the alert, from the alert to the window that raised it."""

from __future__ import annotations

from typing import Any

from quarterdeck.console.context import Console
from quarterdeck.store import alerts


def _alert(console: Console) -> Any:
    with console.database.read() as tx:
        return alerts.page(tx, model="flights", unresolved=True)[0]


async def test_from_an_event_to_its_alert_and_on_to_the_window_and_back(console: Console, opened: Any) -> None:
    alert = _alert(console)
    async with opened(console) as deck:
        await deck.open("1", "events", f"alert-{alert.id}")
        await deck.press("enter")
        await deck.until(lambda: deck.app.view.NAME == "live", "the alert")
        table = deck.app.view.table("alerts")
        await deck.until(lambda: table.current is not None and table.current.id == str(alert.id))
        assert table.has_focus
        await deck.press("enter")
        await deck.until(lambda: deck.app.view.table("features").has_focus, "the drift by feature")
        windows = deck.app.view.table("windows")
        await deck.until(
            lambda: windows.current is not None and alert.event_at.isoformat() in windows.current.id, "its window"
        )
        await deck.press("left_square_bracket")
        await deck.until(lambda: deck.app.view.table("alerts").has_focus, "the alert again")
        await deck.press("left_square_bracket")
        await deck.until(lambda: deck.app.view.NAME == "overview", "the event again")
        assert deck.app.view.table("events").cursor_id == f"alert-{alert.id}"


async def test_from_an_event_to_its_entry_in_the_ledger(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("1", "events", "ledger-7")
        await deck.press("enter")
        await deck.until(lambda: deck.app.view.NAME == "audit", "the ledger")
        await deck.until(lambda: deck.app.view.table("entries").cursor_id == "7", "its entry")


async def test_from_a_firing_to_the_run_that_it_started(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        events = deck.app.view.table("events")
        await deck.until(lambda: any(row.id.startswith("firing-") for row in events.all_rows), "the firing")
        firing = next(row.id for row in events.all_rows if row.id.startswith("firing-"))
        await deck.open("1", "events", firing)
        await deck.press("enter")
        await deck.until(lambda: deck.app.view.NAME == "pipelines", "the run")
        await deck.until(lambda: "run 5" in (deck.app.view.table("steps").border_title or ""), "run 5")
