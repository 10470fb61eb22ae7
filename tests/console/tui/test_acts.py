"""Every act that a key starts: what the store and the ledger say afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.widgets import Button, Input

from quarterdeck.console import acts
from quarterdeck.console.context import Console
from quarterdeck.console.tui.screens.choose import Choose
from quarterdeck.console.tui.screens.confirm import Confirm
from quarterdeck.console.tui.screens.reader import Reader
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.core.ledger import Entry
from quarterdeck.core.values import AlertState, Alias, RunStatus
from quarterdeck.store import alerts, approvals, auditing, ledger, registry, runs, triggers


def _aliases(console: Console, model: str = "flights") -> dict[Alias, int]:
    with console.database.read() as tx:
        return registry.aliases(tx, model, "production")


def _last(console: Console) -> Entry:
    with console.database.read() as tx:
        return ledger.entries(tx, limit=1)[0]


async def _confirm(deck: Any, *, reason: str, name: str | None = "flights") -> None:
    """Fill the dialog in front and press its button."""
    await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
    dialog = deck.app.screen
    dialog.query_one("#reason", Input).value = reason
    if name is not None:
        dialog.query_one("#typed", Input).value = name
    await deck.pilot.pause()
    await deck.pilot.click("#confirm")
    await deck.until(lambda: not isinstance(deck.app.screen, Confirm), "the dialog to close")


async def test_a_promotion_moves_the_aliases_and_is_in_the_ledger(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("P")
        await _confirm(deck, reason="better on every slice")
        await deck.until(lambda: "is the champion" in deck.bar("hints"), "the word about it")
        row = deck.app.view.table("versions")
        await deck.until(lambda: "champion" in row.current.texts()["state"], "the row to say champion")
    assert _aliases(console) == {Alias.CHAMPION: 4, Alias.PREVIOUS: 2}
    entry = _last(console)
    assert (entry.act, entry.subject, entry.actor, entry.reason) == (
        "promote", "flights@4", "ops", "better on every slice",
    )  # fmt: skip


async def test_enter_alone_never_confirms(console: Console, opened: Any) -> None:
    before = _aliases(console)
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("P")
        await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
        assert deck.app.focused.id == "reason"
        await deck.press("enter", "enter", "enter")  # on to the name, to Cancel, and out
        await deck.until(lambda: "nothing has changed" in deck.bar("hints"))
        await deck.press("P")
        await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog again")
        deck.app.screen.query_one("#typed", Input).focus()
        await deck.press(*"flights", "enter")
        assert isinstance(deck.app.screen, Confirm)
        await deck.press("escape")
        await deck.until(lambda: not isinstance(deck.app.screen, Confirm))
    assert _aliases(console) == before


async def test_in_production_the_button_waits_for_the_models_name(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("P")
        await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
        button = deck.app.screen.query_one("#confirm", Button)
        assert button.disabled
        deck.app.screen.query_one("#typed", Input).value = "flight"
        await deck.pilot.pause()
        assert button.disabled
        deck.app.screen.query_one("#typed", Input).value = "flights"
        await deck.until(lambda: not button.disabled)
        lines = deck.app.screen.query_one("#changes", Lines).text()
    assert "production" in lines and "2 → 4" in lines and "3 of 3 passed" in lines


async def test_what_is_typed_faster_than_the_focus_moves_stays_in_one_field(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("P")
        await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
        for letter in "mine too x":  # in one burst, as a terminal without bracketed paste sends it
            deck.app.post_message(events.Key("space" if letter == " " else letter, letter))
        reason = deck.app.screen.query_one("#reason", Input)
        await deck.until(lambda: reason.value == "mine too x", "the whole text in the first field")
        assert deck.app.screen.query_one("#typed", Input).value == ""


@pytest.mark.parametrize("focused", ["reason", "cancel"])
async def test_a_text_that_is_pasted_arrives_whole(console: Console, opened: Any, focused: str) -> None:
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("P")
        await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
        deck.app.screen.query_one(f"#{focused}").focus()
        await deck.pilot.pause()
        deck.app.post_message(events.Paste("better on\nevery slice"))
        reason = deck.app.screen.query_one("#reason", Input)
        await deck.until(lambda: reason.value == "better on every slice", "the pasted text")


async def test_enter_again_and_again_does_nothing_where_no_name_is_asked(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("1", "models", "fuel")
        await deck.press("T")
        await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
        await deck.press("enter", "enter")
        await deck.until(lambda: "nothing has changed" in deck.bar("hints"), "the word about it")


async def test_a_champion_that_changed_meanwhile_refuses_the_act(console: Console, opened: Any, seed: Any) -> None:
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("P")
        await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
        with seed.open_console(console.workspace.root) as other:
            acts.rollback(other, "flights", reason="someone was faster")
        await _confirm(deck, reason="too late")
        await deck.until(lambda: isinstance(deck.app.screen, Reader), "the refusal")
        said = deck.app.screen.query_one("#text", Lines).text()
    assert "version 1" in said and "version 2" in said
    assert _aliases(console)[Alias.CHAMPION] == 1
    assert _last(console).reason == "someone was faster"


async def test_a_rollback_brings_back_the_previous_version(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("1", "models", "flights")
        await deck.press("B")
        await _confirm(deck, reason="late flights missed")
        await deck.until(lambda: "champion again" in deck.bar("hints"))
    assert _aliases(console)[Alias.CHAMPION] == 1
    assert Alias.PREVIOUS not in _aliases(console)
    assert (_last(console).act, _last(console).reason) == ("rollback", "late flights missed")


async def test_undo_takes_a_promotion_back_as_a_new_event(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("P")
        await _confirm(deck, reason="try")
        await deck.until(lambda: "undoes" in deck.bar("hints"))
        await deck.press("u")
        await _confirm(deck, reason="not after all")
        await deck.until(lambda: "is undone" in deck.bar("hints"))
    assert _aliases(console) == {Alias.CHAMPION: 2, Alias.CHALLENGER: 4, Alias.PREVIOUS: 1}
    with console.database.read() as tx:
        assert [entry.act for entry in ledger.entries(tx, limit=2)] == ["undo", "promote"]
        assert auditing.verify(tx)[1] == []


async def test_undo_takes_back_what_somebody_else_did_to_the_selected_model(
    console: Console, opened: Any, seed: Any
) -> None:
    with seed.open_console(console.workspace.root) as other:
        acts.rollback(other, "flights", reason="someone was faster")
    async with opened(console) as deck:
        await deck.open("1", "models", "flights")
        await deck.press("u")
        await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
        lines = deck.app.screen.query_one("#changes", Lines).text()
        assert "someone was faster" in lines and "1 → 2" in lines
        await _confirm(deck, reason="they were wrong")
        await deck.until(lambda: "is undone" in deck.bar("hints"))
    assert _aliases(console)[Alias.CHAMPION] == 2
    assert (_last(console).act, _last(console).reason) == ("undo", "they were wrong")


async def test_a_champion_is_demoted_for_cause(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("1", "models", "flights")
        await deck.press("D")
        await _confirm(deck, reason="wrong for Newark")
        await deck.until(lambda: "is rejected" in deck.bar("hints"))
    assert _aliases(console) == {Alias.CHAMPION: 1, Alias.CHALLENGER: 4}
    assert (_last(console).act, _last(console).reason) == ("demote", "wrong for Newark")


async def test_without_enough_approvals_the_button_does_not_work_and_with_them_it_does(
    console: Console, opened: Any
) -> None:
    path = console.workspace.pipelines_folder / "flights" / "pipeline.toml"
    path.write_text(path.read_text() + "[rollout]\napprovals = 1\n")
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("P")
        await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
        assert "0 of 1; may approve: ops" in deck.app.screen.query_one("#changes", Lines).text()
        deck.app.screen.query_one("#typed", Input).value = "flights"
        await deck.pilot.pause()
        assert deck.app.screen.query_one("#confirm", Button).disabled
        await deck.press("escape")
        await deck.until(lambda: not isinstance(deck.app.screen, Confirm))
        await deck.press("A")
        await _confirm(deck, reason="it knows Newark", name=None)
        await deck.until(lambda: "you approve flights@4" in deck.bar("hints"))
        await deck.press("P")
        await _confirm(deck, reason="approved")
        await deck.until(lambda: "is the champion" in deck.bar("hints"))
    assert _aliases(console)[Alias.CHAMPION] == 4


async def test_an_approval_is_taken_back_by_the_same_key(console: Console, opened: Any) -> None:
    acts.approve(console, "flights@4", reason="yes")
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("A")
        await _confirm(deck, reason="no", name=None)
        await deck.until(lambda: "do not approve" in deck.bar("hints"))
    assert _last(console).act == "unapprove"
    with console.database.read() as tx:
        assert approvals.approvals(tx, "flights", 4, "production") == []


async def test_keeping_the_champion_withdraws_the_challenger(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("5", "duels", "flights:2:4")
        await deck.press("x")
        await _confirm(deck, reason="no gain")
        await deck.until(lambda: "keeps its champion" in deck.bar("hints"))
    assert Alias.CHALLENGER not in _aliases(console)
    assert _last(console).act == "withdraw"


async def test_an_alert_is_acknowledged_by_the_person_at_the_console(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("4", "alerts", "1")
        await deck.press("a")
        await deck.until(lambda: "acknowledged" in deck.bar("hints"))
        await deck.until(lambda: "open alert" not in deck.bar("tabs"), "the tabs to show no open alert")
    with console.database.read() as tx:
        found = alerts.get(tx, 1)
    assert (found.state, found.acknowledged_by) == (AlertState.ACKNOWLEDGED, "ops")


async def _choose(deck: Any, choice: str) -> None:
    await deck.until(lambda: isinstance(deck.app.screen, Choose), "the choices")
    deck.app.screen.query_one("#choices").select(choice)
    await deck.press("enter")


async def test_an_alert_is_silenced_for_a_time_and_heard_of_again(console: Console, opened: Any) -> None:
    def state() -> AlertState:
        with console.database.read() as tx:
            return alerts.get(tx, 1).state

    async with opened(console) as deck:
        await deck.open("4", "alerts", "1")
        await deck.press("S")
        await _choose(deck, "4h")
        await _confirm(deck, reason="the feed is late", name=None)
        await deck.until(lambda: "silenced for 4h" in deck.bar("hints"))
        assert state() is AlertState.SILENCED
        entry = _last(console)
        assert (entry.act, entry.subject, entry.reason) == ("silence", "alert 1", "the feed is late")
        row = deck.app.view.table("alerts")
        await deck.until(lambda: "silenced" in row.current.texts()["state"], "the row to say so")
        await deck.press("S")
        await _confirm(deck, reason="it is there", name=None)
        await deck.until(lambda: "open again" in deck.bar("hints"))
    assert state() is AlertState.OPEN


async def test_an_alert_is_not_silenced_where_no_time_is_chosen(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("4", "alerts", "1")
        await deck.press("S")
        await deck.until(lambda: isinstance(deck.app.screen, Choose), "the choices")
        await deck.press("escape")
        await deck.until(lambda: "nothing has changed" in deck.bar("hints"))
    with console.database.read() as tx:
        assert alerts.get(tx, 1).state is AlertState.OPEN


async def test_an_alert_among_the_events_is_acknowledged_and_resolved(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("1", "events", "alert-1")
        await deck.press("a")
        await deck.until(lambda: "acknowledged" in deck.bar("hints"))
        events = deck.app.view.table("events")
        await deck.until(lambda: "[acknowledged]" in events.current.texts()["text"], "the event to say so")
        await deck.press("R")
        await _confirm(deck, reason="it was the feed", name=None)
        await deck.until(lambda: "is resolved" in deck.bar("hints"))
    with console.database.read() as tx:
        assert alerts.get(tx, 1).state is AlertState.RESOLVED
    assert (_last(console).act, _last(console).reason) == ("resolve_alert", "it was the feed")


async def test_a_running_run_is_asked_to_stop(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("2", "runs", "5")
        await deck.press("K")
        await _confirm(deck, reason="", name=None)
        await deck.until(lambda: "asked to stop" in deck.bar("hints"))
        runs_ = deck.app.view.table("runs")
        await deck.until(lambda: "cancelling" in runs_.current.texts()["status"], "the row to say so")
    with console.database.read() as tx:
        assert runs.get(tx, 5).cancel_requested


async def test_a_run_is_queued_by_hand(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("1", "models", "fuel")
        await deck.press("T")
        await _confirm(deck, reason="new voyages", name=None)
        await deck.until(lambda: "queued" in deck.bar("hints"))
    with console.database.read() as tx:
        run = runs.page(tx, pipeline="fuel", limit=1)[0]
    assert (run.status, run.requested_by, run.cause["reason"]) == (RunStatus.QUEUED, "ops", "new voyages")


async def test_a_trigger_is_paused_at_once_and_resumed_by_undo(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("2", "triggers", "nightly")
        await deck.press("p")
        await deck.until(lambda: "is paused" in deck.bar("hints"))
        with console.database.read() as tx:
            assert triggers.get(tx, "flights", "nightly").paused
        assert _last(console).act == "pause_trigger"
        await deck.press("u")
        await _confirm(deck, reason="", name=None)
        await deck.until(lambda: "is active" in deck.bar("hints"))
    with console.database.read() as tx:
        assert not triggers.get(tx, "flights", "nightly").paused
    assert _last(console).act == "resume_trigger"


async def test_a_command_promotes_with_the_same_dialog(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.press("colon", *"promote", "space", *"flights", "@", "4", "enter")
        await _confirm(deck, reason="typed")
        await deck.until(lambda: "is the champion" in deck.bar("hints"))
    assert _aliases(console)[Alias.CHAMPION] == 4


@pytest.mark.parametrize("key", ["P", "B", "D", "A", "x", "T", "K", "p", "a", "e", "u"])
async def test_a_read_only_console_changes_nothing(filled: Any, opened: Any, seed: Any, key: str) -> None:
    with seed.open_console(filled, read_only=True) as console:
        seen = _last(console)
        async with opened(console) as deck:
            await deck.open("3", "versions", "flights@4")
            assert "READ-ONLY" in deck.bar("header")
            assert "promote" not in deck.bar("hints")
            await deck.press(key)
            await deck.pilot.pause()
            assert len(deck.app.screen_stack) == 1
            await deck.press("m")
            await deck.until(lambda: isinstance(deck.app.screen, Choose), "the menu")
            assert not any("act(" in row.id for row in deck.app.screen.query_one("#choices").all_rows)
        assert _last(console) == seen


async def test_enter_leads_through_the_fields_to_the_button_and_only_then_confirms(
    console: Console, opened: Any
) -> None:
    """What is typed at once, with Cancel in focus, lands in the first field."""
    before = _aliases(console)
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("P")
        await deck.until(lambda: isinstance(deck.app.screen, Confirm), "the dialog")
        await deck.press(*"because", "enter", *"flights", "enter")
        assert _aliases(console) == before
        assert deck.app.screen.focused.id == "confirm"
        await deck.press("enter")
        await deck.until(lambda: _aliases(console) != before, "the promotion")
    assert _last(console).reason == "because"
