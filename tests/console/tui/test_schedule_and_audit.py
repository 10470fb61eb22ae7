"""What happens by itself, and the ledger: what their keys do to the store, and what they show."""

from __future__ import annotations

from typing import Any

import pytest
from textual.widgets import Input

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.console.queries.audit import _lines
from quarterdeck.console.tui.screens.confirm import Confirm
from quarterdeck.console.tui.symbols import ASCII, UNICODE, Symbols
from quarterdeck.core.ledger import Entry
from quarterdeck.core.manifest import Strategy
from quarterdeck.core.rollout import Rollout, RolloutState
from quarterdeck.core.values import Alias
from quarterdeck.store import auditing, ledger, registry, rollouts, triggers


def _last(console: Console) -> Entry:
    with console.database.read() as tx:
        return ledger.entries(tx, limit=1)[0]


def _rollout(console: Console) -> Rollout:
    with console.database.read() as tx:
        return rollouts.find(tx, "production", "flights")


@pytest.fixture
def rolling(console: Console) -> Rollout:
    """A canary of flights@4 under way."""
    return acts.start_rollout(console, "flights@4", reason="a fifth at first", strategy=Strategy.CANARY)


async def _confirm(deck: Any, reason: str) -> None:
    await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
    deck.app.screen.query_one("#reason", Input).value = reason
    deck.app.screen.query_one("#typed", Input).value = "flights"
    await deck.pilot.pause()
    await deck.pilot.click("#confirm")
    await deck.until(lambda: not isinstance(deck.app.screen, Confirm), "the dialog to close")


async def test_a_trigger_is_paused_and_resumed_from_the_schedule(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("7", "timers", "flights/nightly")
        await deck.press("p")
        row = deck.app.view.table("timers")
        await deck.until(lambda: "paused" in row.current.texts()["state"], "the row to say paused")
        assert _last(console).act == "pause_trigger"
        await deck.press("p")
        await deck.until(lambda: "active" in row.current.texts()["state"], "the row to say active")
    assert _last(console).act == "resume_trigger"
    with console.database.read() as tx:
        assert not triggers.get(tx, "flights", "nightly").paused


async def test_a_rollout_is_paused_and_then_ended_with_a_reason(
    console: Console, opened: Any, rolling: Rollout
) -> None:
    async with opened(console) as deck:
        await deck.open("7", "rollouts", str(rolling.id))
        await deck.press("p")
        await deck.until(lambda: _rollout(console).state is RolloutState.PAUSED, "the rollout to be paused")
        row = deck.app.view.table("rollouts")
        await deck.until(lambda: "paused" in row.current.texts()["state"], "the row to say paused")
        await deck.press("K")
        await _confirm(deck, "the weather feed is broken")
        await deck.until(lambda: "aborted" in deck.bar("hints"), "the word about it")
    ended = _rollout(console)
    assert (ended.state, ended.ended_at is not None) == (RolloutState.ABORTED, True)
    with console.database.read() as tx:
        entries = ledger.entries(tx, act="abort_rollout")
        assert [entry.reason for entry in entries] == ["the weather feed is broken"]
        assert registry.aliases(tx, "flights", "production")[Alias.CHAMPION] == 2


async def test_a_rollout_that_moved_since_its_dialog_opened_is_not_ended(
    console: Console, opened: Any, rolling: Rollout
) -> None:
    async with opened(console) as deck:
        await deck.open("7", "rollouts", str(rolling.id))
        await deck.press("K")
        await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
        acts.pause_rollout(console, str(rolling.id), reason="somebody was quicker")
        await _confirm(deck, "too late")
        await deck.until(lambda: len(deck.app.screen_stack) > 1, "the refusal")
    assert _rollout(console).state is RolloutState.PAUSED


async def test_the_schedule_tells_a_rollouts_steps_and_what_a_process_says(
    console: Console, opened: Any, rolling: Rollout
) -> None:
    async with opened(console, size=(140, 40)) as deck:
        await deck.open("7", "rollouts", str(rolling.id))
        about = deck.app.view.lines("schedule-about")
        await deck.until(lambda: "canary 5 %" in about.text(), "the steps")
        assert "champion 2" in about.text()
        await deck.open("7", "services", "daemon/main")
        await deck.until(lambda: "process" in about.text(), "the daemon's own words")


async def test_a_firing_says_what_came_of_it(console: Console, opened: Any) -> None:
    async with opened(console, size=(140, 40)) as deck:
        await deck.open("7", "timers", "flights/drift")
        about = deck.app.view.lines("schedule-about")
        await deck.until(lambda: "run 5" in about.text(), "the firing")


async def test_an_entry_of_the_ledger_is_taken_back_where_it_stands(console: Console, opened: Any) -> None:
    acts.promote(console, "flights@4", reason="better on every slice")
    seq = _last(console).seq
    async with opened(console) as deck:
        await deck.open("8", "entries", str(seq))
        await deck.press("u")
        await _confirm(deck, "a mistake")
        await deck.until(lambda: "is undone" in deck.bar("hints"), "the word about it")
    assert (_last(console).act, _last(console).reason) == ("undo", "a mistake")
    with console.database.read() as tx:
        assert registry.aliases(tx, "flights", "production")[Alias.CHAMPION] == 2
        assert auditing.verify(tx)[1] == []


async def test_an_entry_that_cannot_be_taken_back_says_why(console: Console, opened: Any) -> None:
    before = _last(console).seq
    async with opened(console) as deck:
        await deck.open("8", "entries", "1")
        await deck.press("u")
        await deck.until(lambda: "register cannot be undone" in deck.bar("hints"), "the reason")
    assert _last(console).seq == before


async def test_an_entry_shows_what_was_live_from_then_on(console: Console, opened: Any) -> None:
    async with opened(console, size=(140, 40)) as deck:
        await deck.open("8", "entries", "4")
        entry = deck.app.view.lines("entry")
        await deck.until(lambda: "flights@2" in entry.text().partition("live from then on")[2], "what was live")
        assert "champion    1 → 2" in entry.text()
        assert "fuel@1" not in entry.text()
        await deck.press("colon", *"audit fuel", "enter")
        table = deck.app.view.table("entries")
        await deck.until(lambda: {row.texts()["subject"] for row in table.rows} == {"fuel@1"}, "only fuel's")


def test_evidence_is_told_name_by_name_and_not_as_json() -> None:
    told = _lines("duel", {"decision": "promote", "interval": [-0.25, 0.123456789], "kpis": [], "side": {"n": 200}})
    assert told == [("duel", ""), ("  decision", "promote"), ("  interval", "-0.25, 0.123457"), ("  side", "n 200")]


@pytest.mark.parametrize("state", list(RolloutState))
@pytest.mark.parametrize("symbols", [ASCII, UNICODE])
def test_every_state_of_a_rollout_has_a_sign(state: RolloutState, symbols: Symbols) -> None:
    assert symbols.glyph(state.value).strip()


async def test_a_window_that_is_too_small_says_what_it_wants(console: Console, opened: Any) -> None:
    async with opened(console, size=(60, 20)) as deck:
        assert "60x20: wants 80x24" in deck.bar("header")
        await deck.pilot.resize_terminal(80, 24)
        await deck.until(lambda: "wants" not in deck.bar("header"), "the header to be whole")


async def test_at_eighty_columns_every_tab_is_named_and_live_shows_its_alerts(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.until(lambda: "Live▲1" in deck.bar("tabs"), "the alerts beside Live")
        tabs = deck.bar("tabs")
        assert len(tabs) <= 80
        for word in ("1 Overview", "2 Pipelines", "3 Registry", "5 Duel", "7 Sched.", "8 Audit"):
            assert word in tabs
