"""`o`: why there is a run or a version."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.console.context import Console
from quarterdeck.console.tui.screens.reader import Reader
from quarterdeck.console.tui.widgets.lines import Lines


@pytest.mark.parametrize(
    ("view", "table", "row", "says"),
    [
        ("3", "versions", "flights@4", "version flights@4: registered, 3 of 3 gates passed"),
        ("2", "runs", "3", "run 3: of flights succeeded"),
    ],
)
async def test_the_chain_is_a_text_to_read(
    console: Console, opened: Any, view: str, table: str, row: str, says: str
) -> None:
    async with opened(console) as deck:
        await deck.open(view, table, row)
        await deck.press("o")
        await deck.until(lambda: isinstance(deck.app.screen, Reader), "the reader")
        text = deck.app.screen.query_one(Lines).text()
        assert "asked for it" in text
        assert says in text
        await deck.press("escape")
        await deck.until(lambda: not isinstance(deck.app.screen, Reader), "it to close")


async def test_what_has_no_chain_says_so(console: Console, opened: Any) -> None:
    async with opened(console) as deck:
        await deck.open("2", "triggers", "nightly")
        await deck.press("o")
        await deck.until(lambda: "select a run or a version" in deck.bar("hints"), "the word about it")
