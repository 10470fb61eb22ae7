"""The terminal console: start here."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from quarterdeck.console.tui.keymap import KEYS, bindings
from quarterdeck.console.tui.reviewing import Reviewing
from quarterdeck.console.tui.story import StoryFeed

if TYPE_CHECKING:
    from quarterdeck.console.context import Console


class QuarterdeckApp(Reviewing):
    """Frame, Going, Looking, Changing and Reviewing, with the keys of keymap.py."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(tuple(key for key in KEYS if key.id not in ("quit", "find.palette")))
    ]


def run(console: Console, *, story: StoryFeed | None = None, plain: bool | None = None) -> None:
    """Open the console and stay until the person leaves. `plain` draws with ASCII; None asks the locale."""
    QuarterdeckApp(console, story=story, plain=plain).run()
