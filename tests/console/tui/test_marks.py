"""Marks: they stay on their rows, and what follows acts on all of them."""

from __future__ import annotations

from typing import Any

from quarterdeck.console.context import Console
from quarterdeck.console.tui.screens.choose import Choose
from quarterdeck.console.tui.widgets.columns import Column, share, widened
from quarterdeck.console.tui.widgets.marks import Marks
from quarterdeck.core.values import RunStatus
from quarterdeck.store import ledger, registry, runs, triggers

ORDER = ["a", "b", "c", "d"]


def _marked(marks: Marks) -> list[str]:
    return [name for name in ORDER if name in marks]


def test_a_range_follows_the_cursor_and_can_shrink_again() -> None:
    marks = Marks()
    marks.begin_or_end("b")
    marks.stretch(ORDER, "d")
    assert _marked(marks) == ["b", "c", "d"]
    marks.stretch(ORDER, "c")
    assert _marked(marks) == ["b", "c"]
    marks.begin_or_end("c")
    marks.stretch(ORDER, "a")
    assert _marked(marks) == ["b", "c"]


def test_a_row_that_goes_takes_its_mark_with_it() -> None:
    marks = Marks()
    marks.add(ORDER)
    marks.keep({"a", "d"})
    marks.turn("a")
    assert _marked(marks) == ["d"]
    assert marks.clear()
    assert not marks.clear()


def test_wide_shows_what_did_not_fit_beside_the_first_column() -> None:
    columns = [Column(key=key, title=key, width=10, drop=drop) for key, drop in zip("abcd", (0, 0, 2, 1), strict=True)]
    assert [column.key for column, _ in share(columns, 21)] == ["a", "b"]
    assert [column.key for column, _ in share(widened(columns, 21), 21)] == ["a", "c"]
    assert [column.key for column, _ in share(widened(columns, 60), 60)] == ["a", "b", "c", "d"]


async def test_triggers_that_are_marked_are_paused_together(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("7", "timers", "flights/nightly")
        await deck.press("asterisk")
        await deck.until(lambda: "3 marked" in deck.bar("hints"), "the count")
        await deck.press("p")
        await deck.until(lambda: isinstance(deck.app.screen, Choose), "the question")
        await deck.press("j", "enter")
        await deck.until(lambda: "3 of 3 done" in deck.bar("hints"), "the word about it")
    with console.database.read() as tx:
        assert [trigger.paused for trigger in triggers.every(tx)] == [True, True, True]
        assert len(ledger.entries(tx, act="pause_trigger")) == 3


async def test_escape_takes_the_marks_away_before_anything_else(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("7", "timers", "flights/nightly")
        await deck.press("space", "space")
        table = deck.app.view.table("timers")
        await deck.until(lambda: len(table.marks) == 2, "two marks")
        await deck.press("escape")
        assert not table.marks
        assert deck.app.view.NAME == "schedule"


async def test_what_changes_who_answers_is_never_done_to_several_at_once(console: Console, opened: Any) -> None:
    with console.database.read() as tx:
        before = registry.aliases(tx, "flights", "production")
    async with opened(console) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("asterisk", "P")
        await deck.until(lambda: "one by one" in deck.bar("hints"), "the refusal")
    with console.database.read() as tx:
        assert registry.aliases(tx, "flights", "production") == before


async def test_several_runs_are_cancelled_after_one_question(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.press("colon", *"runs", "enter")
        await deck.until(lambda: deck.app.view.NAME == "pipelines" and bool(deck.app.view.table("runs").rows))
        deck.app.view.table("runs").focus()
        await deck.press("asterisk", "K")
        await deck.until(lambda: isinstance(deck.app.screen, Choose), "the question")
        await deck.press("enter")  # "no" is chosen at first
        await deck.until(lambda: "nothing has changed" in deck.bar("hints"))
        await deck.press("K")
        await deck.until(lambda: isinstance(deck.app.screen, Choose), "the question again")
        await deck.press("j", "enter")
        await deck.until(lambda: "done" in deck.bar("hints"), "the word about it")
    with console.database.read() as tx:
        going = [run for run in runs.page(tx, limit=50) if not run.status.finished]
    assert all(run.cancel_requested or run.status is RunStatus.CANCELLED for run in going)
