"""The card on the screen: every line fits, whatever the words; a key opens it, another writes it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.console.context import Console
from quarterdeck.console.queries.card import card_of
from quarterdeck.console.tui.screens.card import CardLines, CardScreen
from quarterdeck.console.tui.screens.card_text import card_lines, column_widths
from quarterdeck.console.tui.symbols import ASCII, UNICODE
from quarterdeck.console.tui.text import plain, width_of
from quarterdeck.core.card import Bullets, Card, Facts, Section, Table, Text

Opened = Callable[..., AbstractAsyncContextManager[Any]]
WORDS = st.text(max_size=80)


@settings(deadline=None)
@given(WORDS, st.integers(min_value=30, max_value=120))
def test_no_line_is_wider_than_the_screen_whatever_the_words(text: str, width: int) -> None:
    blocks = (
        Text(text=text),
        Bullets(items=(text,)),
        Facts(pairs=((text, text),)),
        Table(columns=("a", text, "c"), rows=((text, "1", text),), right=(1,)),
    )
    card = Card(title=text, as_of=text, sections=(Section(title="Title", blocks=blocks),))
    for symbols in (UNICODE, ASCII):
        assert all(width_of(parts) <= width for parts in card_lines(card, width, symbols))


@given(st.lists(st.integers(min_value=0, max_value=90), min_size=1, max_size=6), st.integers(30, 120))
def test_columns_use_the_room_and_no_more(sizes: list[int], width: int) -> None:
    found = column_widths([["x" * size for size in sizes]], width)
    room = width - 2 * (len(sizes) - 1)
    assert sum(found) <= room or max(found) <= 1
    assert all(got <= size for got, size in zip(found, sizes, strict=True))
    assert found == sizes or sum(found) >= room - 1


def test_no_word_of_a_card_is_lost_at_80_columns(console: Console) -> None:
    card = card_of(console, "flights@4")[1]
    shown = " ".join(plain(parts) for parts in card_lines(card, 77, UNICODE))
    for title in (section.title for section in card.sections):
        assert title in shown
    assert "…" not in shown and "0.0021" in shown


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_i_opens_the_card_of_the_selected_version_and_esc_closes_it(
    console: Console, opened: Opened, size: tuple[int, int]
) -> None:
    async with opened(console, size=size) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("i")
        await deck.until(lambda: isinstance(deck.app.screen, CardScreen), "the card")
        await deck.until(lambda: bool(deck.app.screen.query_one(CardLines).source), "its lines")
        text = deck.app.screen.query_one(CardLines)
        assert "Model card: flights@4" in text.text()
        await deck.press("n", "n")
        await deck.until(lambda: text.scroll_offset.y > 0, "the second heading")
        await deck.press("p", "p")
        await deck.until(lambda: text.scroll_offset.y == 0 or "Model card" in text.text(), "the first heading")
        await deck.press("escape")
        await deck.until(lambda: not isinstance(deck.app.screen, CardScreen), "the registry")


async def test_on_a_model_i_opens_the_champions_card_and_E_writes_it(console: Console, opened: Opened) -> None:
    async with opened(console) as deck:
        await deck.open("1", "models", "flights")
        await deck.press("i")
        await deck.until(lambda: isinstance(deck.app.screen, CardScreen), "the card")
        await deck.press("E")
        await deck.until(lambda: "written" in deck.bar("hints"), "the file")
    (written,) = (console.workspace.root / "exports").glob("card-flights-*.md")
    assert written.read_text(encoding="utf-8").startswith("# Model card: flights@2\n")
