"""Other keys, other colours, and commands of a person's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.console.context import Console
from quarterdeck.console.preferences import Look, Preferences, UserCommand
from quarterdeck.console.tui.screens.choose import Choose
from quarterdeck.console.tui.screens.reader import Reader
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.store import triggers


def _command(*words: str, **more: Any) -> UserCommand:
    return UserCommand(name="tell", says="tell about it", run=(sys.executable, "-c", *words), key="f6", **more)


SAY = "import sys; print('told', *sys.argv[1:])"


async def test_a_key_of_ones_own_works_and_is_what_the_hints_say(console: Console, opened: Any) -> None:
    own = Preferences(keys={"trigger.pause": "ctrl+t"})
    async with opened(console, preferences=own) as deck:
        await deck.open("7", "timers", "flights/nightly")
        await deck.until(lambda: "ctrl+t pause" in deck.bar("hints"), "the hint")
        await deck.press("p")  # means nothing any more
        await deck.press("ctrl+t")
        row = deck.app.view.table("timers")
        await deck.until(lambda: "paused" in row.current.texts()["state"], "the row to say paused")
    with console.database.read() as tx:
        assert triggers.get(tx, "flights", "nightly").paused


async def test_a_command_is_run_with_the_facts_of_the_row_after_it_was_confirmed(console: Console, opened: Any) -> None:
    own = Preferences(commands=(_command(SAY, "{reference}", "{environment}"),))
    async with opened(console, preferences=own) as deck:
        await deck.open("3", "versions", "flights@4")
        await deck.press("f6")
        await deck.until(lambda: isinstance(deck.app.screen, Choose), "the question")
        await deck.press("enter")
        await deck.until(lambda: "nothing was run" in deck.bar("hints"), "no to be the first choice")
        await deck.press("f6")
        await deck.until(lambda: isinstance(deck.app.screen, Choose), "the question again")
        await deck.press("j", "enter")
        await deck.until(lambda: isinstance(deck.app.screen, Reader), "what it printed")
        text = deck.app.screen.query_one(Lines).text()
    assert "ended with 0" in text
    assert "told flights@4 production" in text


async def test_a_command_that_needs_what_the_row_has_not_says_so(console: Console, opened: Any) -> None:
    own = Preferences(commands=(_command(SAY, "{alert}", confirm=False),))
    async with opened(console, preferences=own) as deck:
        await deck.press("f6")
        await deck.until(lambda: "needs a row with: alert" in deck.bar("hints"), "what is missing")


async def test_a_program_that_is_not_there_is_said(console: Console, opened: Any) -> None:
    own = Preferences(commands=(UserCommand(name="x", says="x", run=("/no/such/program",), key="f6", confirm=False),))
    async with opened(console, preferences=own) as deck:
        await deck.press("f6")
        await deck.until(lambda: "/no/such/program" in deck.bar("hints"), "the error")
        assert deck.app.is_running


async def test_a_command_that_changes_something_is_dead_in_a_read_only_console(
    console: Console, opened: Any, tmp_path: Path
) -> None:
    console.read_only = True
    made = tmp_path / "made"
    own = Preferences(commands=(_command(f"open({str(made)!r}, 'w')", confirm=False),))
    async with opened(console, preferences=own) as deck:
        await deck.press("f6")
        await deck.until(lambda: "read-only" in deck.bar("hints"), "the refusal")
    assert not made.exists()


@pytest.mark.parametrize(("look", "theme"), [(Look.LIGHT, "quarterdeck-light"), (Look.TERMINAL, "ansi-dark")])
async def test_the_colours_are_the_persons(console: Console, opened: Any, look: Look, theme: str) -> None:
    async with opened(console, preferences=Preferences(look=look)) as deck:
        assert deck.app.theme == theme
