"""Screen 6: what waits for a person, one key a decision; what the store says afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from textual.widgets import Input

from quarterdeck.console.context import Console
from quarterdeck.console.formats import clean
from quarterdeck.console.queries.review_values import FieldRow, Review, ReviewDetail, ReviewRow
from quarterdeck.console.tui.screens.correct import Correct
from quarterdeck.console.tui.screens.review_rows import detail_lines, empty_lines, table_row
from quarterdeck.console.tui.symbols import ASCII, UNICODE
from quarterdeck.console.tui.text import plain
from quarterdeck.core.clock import utc_now
from quarterdeck.core.ledger import Audit
from quarterdeck.core.review import State
from quarterdeck.core.review_item import Item
from quarterdeck.core.rights import EVERYWHERE, Role
from quarterdeck.core.values import Task
from quarterdeck.store import ledger, review_deciding, reviews, rights

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def item(console: Console, number: int) -> Item:
    with console.database.read() as tx:
        return reviews.get(tx, number)


def said(console: Console, number: int) -> list[tuple[str, str]]:
    with console.database.read() as tx:
        return [(one.person, one.label) for one in reviews.said_of(tx, [number])[number]]


async def go(deck: Any, first: int) -> None:
    """To the queue, with the cursor on an item."""
    await deck.open("6", "reviews", str(first))
    await deck.until(lambda: deck.app.view.detail is not None, "the prediction on the right")


async def test_each_key_judges_the_row_and_the_next_one_takes_its_place(
    console: Console, seed: ModuleType, opened: Any
) -> None:
    numbers = seed.review_items(console, 4)
    async with opened(console) as deck:
        await go(deck, numbers[0])
        await deck.until(lambda: "6 Review(4)" in deck.bar("tabs"), "the number that wait in the tab")
        await deck.press("a", "x", "n")
        table = deck.app.view.table("reviews")
        await deck.until(lambda: [row.id for row in table.all_rows] == [str(numbers[3]), str(numbers[2])], "the end")
        await deck.until(lambda: "6 Review(2)" in deck.bar("tabs"), "the tab to count")
    assert said(console, numbers[0]) == [("ops", "1")]  # the model was right
    assert said(console, numbers[1]) == [("ops", "0")]  # of two classes the other one
    assert (item(console, numbers[2]).state, item(console, numbers[2]).skips) == (State.WAITING, 1)
    assert item(console, numbers[3]).state is State.WAITING


async def test_the_last_decision_is_taken_back_and_the_cursor_is_on_it(
    console: Console, seed: ModuleType, opened: Any
) -> None:
    numbers = seed.review_items(console, 2)
    async with opened(console) as deck:
        await go(deck, numbers[0])
        await deck.press("a")
        await deck.until(lambda: "u takes it back" in deck.bar("hints"), "the word about it")
        await deck.press("u")
        table = deck.app.view.table("reviews")
        await deck.until(lambda: table.current is not None and table.current.id == str(numbers[0]), "it to be back")
    assert item(console, numbers[0]).state is State.WAITING and said(console, numbers[0]) == []


async def test_the_prediction_says_why_it_waits_and_what_is_unusual(
    console: Console, seed: ModuleType, opened: Any
) -> None:
    numbers = seed.review_items(console, 1)
    async with opened(console) as deck:
        await go(deck, numbers[0])
        text = deck.app.view.lines("review").text()
    assert "confidence 0.54 under 0.6" in text and "1 0.54  0 0.46" in text
    assert "5,200  ◆ 5200 above 100" in text and "ZZ  ◆ ZZ is new" in text
    assert "a it is 1   x it is 0   n later" in text


async def test_what_a_person_looks_at_is_in_their_hand(console: Console, seed: ModuleType, opened: Any) -> None:
    numbers = seed.review_items(console, 2)
    async with opened(console) as deck:
        await go(deck, numbers[0])
        await deck.until(lambda: item(console, numbers[0]).claimed_by == "ops", "the item to be held")
        await deck.press("j")
        await deck.until(lambda: item(console, numbers[1]).claimed_by == "ops", "the next one to be held")
    assert item(console, numbers[0]).claimed_by is None
    with console.database.write() as tx:
        taken = review_deciding.take_next(tx, "production", "bob", utc_now())
    assert taken is not None and taken.id == numbers[0]


async def test_somebody_elses_item_says_whose_and_is_not_judged(
    console: Console, seed: ModuleType, opened: Any
) -> None:
    first, second = seed.review_items(console, 2)
    with console.database.write() as tx:
        review_deciding.hold(tx, first, "bob", utc_now())
    async with opened(console) as deck:
        await go(deck, second)
        table = deck.app.view.table("reviews")
        assert [row.id for row in table.all_rows] == [str(second), str(first)]  # others' stand last
        table.select(str(first))
        await deck.until(lambda: "bob has it in hand" in deck.app.view.lines("review").text(), "whose it is")
        await deck.press("a")
        await deck.until(lambda: "in the hand of bob" in deck.bar("hints"), "the refusal")
        await deck.until(lambda: len(table.all_rows) == 2, "the row to be there")
    assert said(console, first) == []


async def test_a_blind_one_is_judged_without_the_answer(console: Console, seed: ModuleType, opened: Any) -> None:
    (number,) = seed.review_items(console, 1, blind=True)
    async with opened(console) as deck:
        await go(deck, number)
        text = deck.app.view.lines("review").text()
        assert "not shown" in text and "a it is" not in text
        await deck.press("a")
        await deck.until(lambda: "judged without the model's answer" in deck.bar("hints"), "the word about it")
        await deck.press("x")
        await deck.until(lambda: isinstance(deck.app.screen, Correct), "the classes")
        await deck.press("2")
        await deck.until(lambda: item(console, number).state is State.DECIDED, "the decision")
    assert said(console, number) == [("ops", "1")]


async def test_a_value_is_typed(console: Console, seed: ModuleType, opened: Any) -> None:
    (number,) = seed.review_items(
        console, 1, model="fuel", version=1, answer="12.5", score=12.5, confidence=None, stratum="random"
    )
    async with opened(console) as deck:
        await go(deck, number)
        await deck.press("x")
        await deck.until(lambda: isinstance(deck.app.screen, Correct), "the field")
        await deck.press(*"14.25", "enter")
        await deck.until(lambda: item(console, number).state is State.DECIDED, "the decision")
        await deck.press("u")
        await deck.until(lambda: item(console, number).state is State.WAITING, "the undo")
        await deck.until(lambda: deck.app.view.detail is not None, "the prediction again")
        await deck.press("x")
        await deck.until(lambda: isinstance(deck.app.screen, Correct), "the field again")
        deck.app.screen.query_one(Input).value = "much"
        await deck.press("enter")
        await deck.until(lambda: "expected a number" in deck.bar("hints"), "the refusal")
        table = deck.app.view.table("reviews")
        await deck.until(lambda: len(table.all_rows) == 1, "the row to be back")
    assert said(console, number) == []


async def test_elsewhere_the_same_keys_mean_what_they_meant(console: Console, seed: ModuleType, opened: Any) -> None:
    seed.review_items(console, 1)
    async with opened(console) as deck:
        await deck.open("4", "alerts", "1")
        await deck.press("a")
        await deck.until(lambda: "acknowledged" in deck.bar("hints"), "the alert to be acknowledged")
        await deck.press("n")
        assert not isinstance(deck.app.screen, Correct)
    with console.database.read() as tx:
        assert reviews.counts(tx, "production", "flights")[State.WAITING] == 1


async def test_a_viewer_sees_the_queue_and_has_no_key_for_it(console: Console, seed: ModuleType, opened: Any) -> None:
    (number,) = seed.review_items(console, 1)
    audit = Audit(actor="boss", environment="production", at=utc_now(), reason="r")
    with console.database.write() as tx:
        rights.grant(tx, "boss", EVERYWHERE, Role.ADMIN, audit)
        rights.grant(tx, "ops", "production", Role.VIEWER, audit)
        before = ledger.entries(tx, limit=1)[0].seq
    async with opened(console) as deck:
        await go(deck, number)
        await deck.until(lambda: "READ-ONLY" in deck.bar("header"), "the badge")
        await deck.press("a", "x", "n", "u")
        await deck.pilot.pause()
        assert "right" not in deck.bar("hints")
    assert said(console, number) == [] and item(console, number).claimed_by is None
    with console.database.read() as tx:
        assert ledger.entries(tx, limit=1)[0].seq == before


async def test_an_empty_queue_says_what_to_do(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.press("6")
        await deck.until(lambda: "[review]" in deck.app.view.lines("review").text(), "what to write")
        await deck.press("a", "x", "n", "u")
        await deck.until(lambda: "nothing that can be taken back" in deck.bar("hints"), "the word about undo")
        assert "6 Review " in deck.bar("tabs")


async def test_the_queue_of_one_model_is_shown_by_a_command(console: Console, seed: ModuleType, opened: Any) -> None:
    (flight,) = seed.review_items(console, 1)
    (voyage,) = seed.review_items(console, 1, first=1, model="fuel", version=1, answer="12.5", score=12.5)
    async with opened(console) as deck:
        await go(deck, flight)
        await deck.app.run_command("review fuel")
        table = deck.app.view.table("reviews")
        await deck.until(lambda: [row.id for row in table.all_rows] == [str(voyage)], "fuel's alone")
        await deck.press("escape")
        await deck.until(lambda: len(table.all_rows) == 2, "all again")


# Pure

ROW = ReviewRow(
    id=7, model="flights", version=2, state=State.WAITING, why="random 1 %", confidence=0.93, probability=0.01,
    answer="1", entity=None, event_at=NOW, answered_at=NOW - timedelta(hours=3), skips=0, said=0, needed=1, mine=False,
    held_by=None,
)  # fmt: skip
DETAIL = ReviewDetail(
    row=ROW, prediction="p", task=Task.MULTICLASS, target="kind", fields=(FieldRow(name="x", value="1"),),
    classes=(("1", 0.93), ("2", 0.05), ("3", 0.02)), said=(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ""),
        ({"skips": 2}, "skipped 2x"),
        ({"said": 1, "needed": 2}, "1 of 2"),
        ({"state": State.CONFLICT}, "◆ differ"),
        ({"mine": True}, "judged"),
        ({"held_by": "bob"}, "bob"),
    ],
)
def test_a_row_says_where_it_stands(changes: dict[str, Any], says: str) -> None:
    assert table_row(replace(ROW, **changes), UNICODE, NOW).texts()["state"] == says


def test_a_row_by_chance_says_for_how_many_it_stands_and_what_the_keys_mean() -> None:
    text = "\n".join(plain(line) for line in detail_lines(DETAIL, ASCII, NOW))
    assert "random 1 %, one for 100" in text and "x say what it is" in text


def test_names_that_would_draw_are_made_harmless() -> None:
    odd = replace(DETAIL, fields=(FieldRow(name="[red]\x1b[31m", value="\x1b]0;x\x07", mark="\u202e"),))
    text = "".join(plain(line) for line in detail_lines(odd, UNICODE, NOW))
    assert text == clean(text) and "[red]" in text


@pytest.mark.parametrize(
    ("enabled", "decided", "says"),
    [((), 0, "[review]"), (("flights",), 0, "quarterdeck daemon status"), (("flights",), 3, "3 predictions today")],
)
def test_an_empty_queue_says_why_it_is_empty(enabled: tuple[str, ...], decided: int, says: str) -> None:
    found = Review(rows=(), waiting=0, detail=None, enabled=enabled, decided=decided)
    assert says in "\n".join(plain(line) for line in empty_lines(found, None))
