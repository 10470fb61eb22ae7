"""The console in a headless terminal, and how to wait for what it does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from quarterdeck.console.context import Console
from quarterdeck.console.preferences import Preferences
from quarterdeck.console.tui.app import QuarterdeckApp
from quarterdeck.console.tui.text import plain
from quarterdeck.console.tui.widgets.bar import Bar

PATIENCE_S = 30.0


class Deck:
    """A running console with its pilot."""

    def __init__(self, app: QuarterdeckApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, condition: Callable[[], bool], what: str = "") -> None:
        """Let it run until the condition holds; fail after PATIENCE_S."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"never came about: {what or condition}"
            await self.pilot.pause()
            await asyncio.sleep(0)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def open(self, number: str, table: str, row: str) -> None:
        """Go to a view and put the cursor of one of its tables on a row."""
        await self.press(number)
        await self.until(lambda: bool(self.app.view.query(f"#{table}")) and self._has(table, row), f"{row} in {table}")
        found = self.app.view.table(table)
        found.focus()
        found.select(row)
        await self.until(lambda: found.has_focus and found.current is not None)
        await self.pilot.pause()

    def _has(self, table: str, row: str) -> bool:
        return any(item.id == row for item in self.app.view.table(table).all_rows)

    def bar(self, name: str) -> str:
        """What a bar of the frame says."""
        found = self.app.screen_stack[0].query_one(f"#{name}", Bar)
        return plain(found.left) + plain(found.right)


@asynccontextmanager
async def deck(
    console: Console, *, size: tuple[int, int] = (80, 24), plain: bool = False, preferences: Preferences | None = None
) -> AsyncIterator[Deck]:
    """The console with its overview filled."""
    app = QuarterdeckApp(console, plain=plain, preferences=preferences)
    async with app.run_test(size=size) as pilot:
        running = Deck(app, pilot)
        await running.until(lambda: bool(app.models()), "the overview")
        await pilot.pause()
        yield running


@pytest.fixture
def opened() -> object:
    """Gives `deck`: tests are no package, so what they share are fixtures."""
    return deck
