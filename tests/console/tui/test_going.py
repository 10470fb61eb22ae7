"""Going about, looking closer, and a screen that stays at rest."""

from __future__ import annotations

import json
import shutil
import time
from typing import Any

import pytest
from textual.screen import ModalScreen

from quarterdeck.console.context import Console
from quarterdeck.console.tui.app import QuarterdeckApp
from quarterdeck.console.tui.keymap import BY_ID, KEYS, MOVES
from quarterdeck.console.tui.screens.choose import Choose
from quarterdeck.console.tui.screens.help import Help
from quarterdeck.console.tui.screens.log import LogScreen
from quarterdeck.console.tui.screens.reader import Reader
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.console.tui.widgets.prompt import Prompt
from quarterdeck.core.clock import utc_now
from quarterdeck.store import alerts, runs

VIEWS = {"1": "overview", "2": "pipelines", "3": "registry", "4": "live", "5": "duel", "7": "schedule", "8": "audit"}


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_every_view_is_filled_and_needs_no_horizontal_scrollbar(
    console: Console, opened: Any, size: tuple[int, int]
) -> None:
    async with opened(console, size=size) as deck:
        for key, name in VIEWS.items():
            await deck.press(key)
            await deck.until(lambda name=name: name == deck.app.view.NAME)
            await deck.until(lambda: bool(deck.app.view.tables()[0].rows), f"rows in {name}")
            for table in deck.app.view.tables():
                assert not table.show_horizontal_scrollbar
                assert table.region.right <= size[0]


@pytest.mark.parametrize("view", ["1", *(pytest.param(key, marks=pytest.mark.slow) for key in sorted(VIEWS)[1:])])
async def test_no_key_breaks_a_view(console: Console, opened: Any, view: str) -> None:
    async with opened(console) as deck:
        await deck.press(view)
        for key in [*KEYS, *MOVES]:
            if key.id in ("quit", "pipeline.edit"):
                continue
            await deck.press(key.keys.split(",")[0])
            await deck.pilot.pause()
            if isinstance(deck.app.screen, ModalScreen) or deck.app.query(Prompt):
                await deck.press("escape")
                await deck.until(lambda: len(deck.app.screen_stack) == 1 and not deck.app.query(Prompt), key.id)
        assert deck.app.is_running


def test_every_key_has_an_action_and_an_id_of_its_own() -> None:
    assert len(BY_ID) == len(KEYS) + len(MOVES)
    pressed = [(key.view, name) for key in KEYS for name in key.keys.split(",")]
    assert len(pressed) == len(set(pressed))
    for key in KEYS:
        assert hasattr(QuarterdeckApp, f"action_{key.action.partition('(')[0]}"), key.id


async def test_the_cursor_stays_on_its_row_when_rows_are_added(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("2", "runs", "4")
        table = deck.app.view.table("runs")
        with console.database.write() as tx:
            new = runs.request(tx, "flights", by="else", cause={"kind": "manual"}, now=utc_now())
        await deck.until(lambda: any(row.id == str(new.id) for row in table.rows), "the new run")
        assert table.cursor_id == "4"
        await deck.press("colon", *"sort", "space", *"progress", "enter")
        await deck.until(lambda: table.sort_key == "progress")
        assert table.cursor_id == "4"


async def test_history_brings_back_the_filter_the_sorting_and_the_row(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@2")
        await deck.press("slash", *"model:fli", "enter")
        deck.app.action_sort_by("value")
        await deck.press("4")
        await deck.until(lambda: deck.app.view.NAME == "live")
        await deck.press("left_square_bracket")
        await deck.until(lambda: deck.app.view.NAME == "registry")
        table = deck.app.view.table("versions")
        assert (table.filter.text, table.sort_key, table.cursor_id) == ("model:fli", "value", "flights@2")
        assert {row.id.partition("@")[0] for row in table.rows} == {"flights"}
        await deck.press("right_square_bracket")
        await deck.until(lambda: deck.app.view.NAME == "live")
        await deck.press("minus")
        await deck.until(lambda: deck.app.view.NAME == "registry")


async def test_escape_leaves_zoom_filter_and_level_but_never_the_console(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("2", "runs", "5")
        await deck.press("enter")
        await deck.until(lambda: deck.app.view.table("steps").has_focus, "the steps")
        assert [row.id for row in deck.app.view.table("steps").rows][-1] == "evaluation"
        await deck.press("z")
        assert deck.app.view.has_class("zoomed")
        for _ in range(6):
            await deck.press("escape")
        assert not deck.app.view.has_class("zoomed") and not deck.app.view.has_class("drilled")
        assert deck.app.is_running and "leaves" in deck.bar("hints")


async def test_commands_go_where_they_say(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.app.run_command("runs failed")
        table = deck.app.view.table("runs")
        await deck.until(lambda: [row.id for row in table.rows] == ["7"], "the failed run of every pipeline")
        await deck.app.run_command("run 5")
        await deck.until(lambda: "run 5" in str(deck.app.view.table("steps").border_title))
        await deck.app.run_command("model flights@champion")
        await deck.until(lambda: deck.app.view.NAME == "registry")
        await deck.until(lambda: deck.app.view.table("versions").cursor_id == "flights@2")
        await deck.app.run_command("model nosuch@3")
        await deck.until(lambda: "no model nosuch" in deck.bar("hints"))
        await deck.app.run_command("nosuch")
        assert "no command" in deck.bar("hints")


async def test_tab_completes_in_the_command_line(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.press("colon", *"mod", "tab")
        assert deck.app.query_one(Prompt).field.value == "model"
        await deck.press("escape")
        await deck.until(lambda: not deck.app.query(Prompt))


async def test_the_help_shows_every_key_and_can_be_filtered(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.press("question_mark")
        await deck.until(lambda: isinstance(deck.app.screen, Help))
        pane = deck.app.screen.query_one("#help-text", Lines)
        assert all(key.says in pane.text() for key in (*KEYS, *MOVES))
        await deck.press(*"roll back")
        await deck.until(lambda: "roll back to the previous champion" in pane.text() and "Pipelines" not in pane.text())


async def test_looking_closer_shows_descriptions_records_and_logs(console: Console, opened: Any) -> None:
    (console.workspace.logs / "run-4.log").write_text("line one\nERROR it broke\n")
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("y")
        await deck.until(lambda: isinstance(deck.app.screen, Reader), "the record")
        assert json.loads(deck.app.screen.query_one("#text", Lines).text())["number"] == 4
        await deck.press("escape")
        await deck.press("l")
        await deck.until(lambda: isinstance(deck.app.screen, LogScreen), "the log")
        pane = deck.app.screen.query_one("#log", Lines)
        await deck.until(lambda: "it broke" in pane.text())
        with (console.workspace.logs / "run-4.log").open("a") as file:
            file.write("and went on\n")
        await deck.until(lambda: "and went on" in pane.text(), "what was added")


@pytest.mark.parametrize("kind", ["csv", "json", "svg"])
async def test_what_is_on_the_screen_is_exported(console: Console, opened: Any, kind: str) -> None:
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("E")
        await deck.until(lambda: isinstance(deck.app.screen, Choose), "the formats")
        deck.app.screen.query_one("#choices").select(kind)
        await deck.press("enter")
        await deck.until(lambda: "written: exports/" in deck.bar("hints"))
    (path,) = (console.workspace.root / "exports").iterdir()
    text = path.read_text()
    if kind == "json":
        assert {item["id"] for item in json.loads(text)} >= {"flights@4", "fuel@1"}
    else:
        assert ("<svg" if kind == "svg" else "model,version,state") in text


async def test_text_from_the_store_is_shown_as_it_is(console: Console, opened: Any) -> None:
    with console.database.write() as tx:
        text = "[bold]not\x1b[31m markup[/]"
        alerts.raise_alert(tx, model="flights", kind="drift", subject="x", message=text, evidence={}, now=utc_now())
    async with opened(console) as deck:
        await deck.press("4")
        await deck.until(lambda: deck.app.view.NAME == "live" and len(deck.app.view.table("alerts").rows) == 3)
        texts = [row.texts()["message"] for row in deck.app.view.table("alerts").rows]
    assert "[bold]not·[31m markup[/]" in texts


async def test_data_that_stopped_coming_is_called_stale(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        assert "STALE" not in deck.bar("header")
        deck.app.refresher.stop()
        deck.app.refresher.good_at = time.monotonic() - 60
        await deck.until(lambda: "STALE" in deck.bar("header"))


async def test_a_story_is_told_under_the_tabs(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        assert not deck.app.query_one("#story").display
        (console.workspace.run / "story.txt").write_text("first\n2013-04-17  fuel: decay seen, retraining\n")
        await deck.until(lambda: "decay seen, retraining" in deck.bar("story"))
        assert deck.app.query_one("#story").display


async def test_an_empty_workspace_says_what_to_do_next(tmp_path: Any, opened: Any, seed: Any) -> None:
    seed.make_workspace(tmp_path / "empty")
    shutil.rmtree(tmp_path / "empty" / "pipelines")
    with seed.open_console(tmp_path / "empty") as console:
        app = QuarterdeckApp(console)
        async with app.run_test(size=(80, 24)) as pilot:
            deadline = time.monotonic() + 30
            while "data live" not in str(app.query_one("#header").right):
                assert time.monotonic() < deadline
                await pilot.pause()
            for key in VIEWS:
                await pilot.press(key)
                await pilot.pause()
                assert app.view.tables()[0].empty
                assert app.view.subject() is None
