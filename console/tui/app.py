"""The terminal console: start here."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from quarterdeck.console.preferences import preferences_file, read_preferences
from quarterdeck.console.tui.keymap import KEYS, MOVES, bindings
from quarterdeck.console.tui.own import Own
from quarterdeck.console.tui.story import StoryFeed

if TYPE_CHECKING:
    from quarterdeck.console.context import Console


class QuarterdeckApp(Own):
    """Frame, Going, Looking, Changing, Reviewing and Own, with the keys of keymap.py."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(tuple(key for key in KEYS if key.id not in ("quit", "find.palette")))
    ]


def run(console: Console, *, story: StoryFeed | None = None, plain: bool | None = None) -> None:
    """Open the console, as the person's own console.toml says, and stay until they leave. `plain` draws with ASCII;
    None asks the file, then the locale. ManifestError for a file with mistakes in it.
    """
    known = {key.id: key.keys for key in (*KEYS, *MOVES)}
    preferences = read_preferences(preferences_file(), known)
    QuarterdeckApp(console, story=story, plain=plain, preferences=preferences).run()
