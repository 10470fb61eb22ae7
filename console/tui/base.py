"""The frame of the console: header, tabs, the view in front, hints; and the thread that asks the store."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.app import App, ComposeResult
from textual.containers import Container
from textual.message import Message

from quarterdeck.console.preferences import Look as Colours
from quarterdeck.console.preferences import Preferences
from quarterdeck.console.queries.questions import Look
from quarterdeck.console.queries.values import Status
from quarterdeck.console.tui import plans
from quarterdeck.console.tui.frame import (
    header_left,
    header_right,
    hint_line,
    tab_actions,
    tab_line,
    tab_right,
    too_small,
)
from quarterdeck.console.tui.history import History
from quarterdeck.console.tui.keymap import KEYS, MOVES, Key, remapped, works
from quarterdeck.console.tui.refresher import Refresher
from quarterdeck.console.tui.screens.overview import OverviewView
from quarterdeck.console.tui.story import FILE_NAME, FileStory, StoryFeed
from quarterdeck.console.tui.symbols import Symbols, choose
from quarterdeck.console.tui.text import EMPTY, Line, line, span
from quarterdeck.console.tui.theme import (
    FALLBACKS,
    NO_COLOR_THEME,
    QUARTERDECK,
    QUARTERDECK_LIGHT,
    THEMES,
    colours_wanted,
)
from quarterdeck.console.tui.view import View
from quarterdeck.console.tui.widgets.bar import Bar
from quarterdeck.console.tui.widgets.table import Table
from quarterdeck.core.rights import Right

if TYPE_CHECKING:
    from quarterdeck.console.context import Console

STALE_AFTER = 6.0  # seconds: three refreshes of two seconds that did not come
SAID_FOR = 8.0  # seconds that a word about an act stays
CLIPBOARD = 8_192  # characters that a terminal is asked to take

_UNKNOWN = Status(daemon="", daemon_tone="dim", server="", server_tone="dim", open_alerts=0)


class Frame(App[None]):
    """What every action works with: the console, the view in front, and a line to say things in."""

    TITLE = "quarterdeck"
    CSS_PATH = ["styles/frame.tcss", "styles/views.tcss", "styles/dialogs.tcss"]  # noqa: RUF012 - as Textual has it
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - as Textual has it
    ENABLE_COMMAND_PALETTE = True

    class Looked(Message):
        def __init__(self, look: Look) -> None:
            super().__init__()
            self.look = look

    class Troubled(Message):
        def __init__(self, problem: str) -> None:
            super().__init__()
            self.problem = problem

    def __init__(
        self,
        console: Console,
        *,
        story: StoryFeed | None = None,
        plain: bool | None = None,
        preferences: Preferences | None = None,
    ) -> None:
        own = preferences or Preferences()
        colours = colours_wanted()
        super().__init__(ansi_color=None if colours and own.look is not Colours.TERMINAL else True)
        self.register_theme(QUARTERDECK)
        self.register_theme(QUARTERDECK_LIGHT)
        self.theme = THEMES[own.look] if colours else NO_COLOR_THEME
        self.preferences = own
        self.key_table = remapped((*KEYS, *MOVES), own.keys)  # as they are on this person's console
        self.set_keymap(dict(own.keys))
        self.animation_level = "none"
        self.console_ = console
        self.symbols: Symbols = choose(plain or own.ascii or None)
        self.history = History()
        self.refresher = Refresher(
            console,
            story or FileStory(console.workspace.run / FILE_NAME),
            lambda look: self._post(self.Looked(look)),
            lambda problem: self._post(self.Troubled(problem)),
        )
        self.last_change: plans.Plan | str | None = None  # the inverse of the last act, or why there is none
        self._view: View = OverviewView(self.symbols)
        self._status = _UNKNOWN
        self._problem = ""
        self._loaded = False
        self._said: Line = EMPTY
        self._said_at = 0.0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return FALLBACKS

    def compose(self) -> ComposeResult:
        yield Bar(id="header")
        yield Bar(id="tabs")
        yield Bar(id="story")
        with Container(id="views"):
            yield self._view
        yield Bar(id="hints")

    def on_mount(self) -> None:
        self.show_frame()
        self._view.focus_first()
        self.refresher.want(self._view.question())
        self.run_worker(self.refresher.run, thread=True, exclusive=True, group="refresher", exit_on_error=False)
        self.set_interval(1.0, self._tick)

    def _post(self, message: Message) -> None:
        """From the thread; what comes after the end is nobody's."""
        self.post_message(message)

    def on_unmount(self) -> None:
        self.refresher.stop()

    @property
    def view(self) -> View:
        """The view in front."""
        return self._view

    # What comes from the thread

    def on_frame_looked(self, event: Looked) -> None:
        if not self.query("#story"):  # the screen has gone: an answer that came after the end
            return
        look = event.look
        self._problem, self._status, self._loaded = "", look.status, True
        story = self.query_one("#story", Bar)
        story.display = bool(look.story)
        story.set(line(span(" "), span(look.story, "accent")))
        if look.question == self._view.question():
            with self.batch_update():
                self._view.fill(look.answer, look.at)
        self.show_frame()

    def on_frame_troubled(self, event: Troubled) -> None:
        self._problem = event.problem
        self.show_frame()

    def on_table_selected(self, event: Table.Selected) -> None:
        if self._view in event.table.ancestors:
            self._view.selected(event.table)
            self.ask()
            self.show_frame()

    def on_table_opened(self, event: Table.Opened) -> None:
        if self._view in event.table.ancestors:
            self._view.opened(event.table, event.row)
            self.ask()
            self.show_frame()

    def on_descendant_focus(self) -> None:
        if self.is_running and self._loaded:
            self.show_frame()

    def ask(self) -> None:
        """Tell the thread what the view in front wants to know."""
        self.refresher.want(self._view.question())

    # What is written around the view

    def _tick(self) -> None:
        if self._said and time.monotonic() - self._said_at > SAID_FOR:
            self._said = EMPTY
        self.show_frame()

    @property
    def stale(self) -> bool:
        """Three refreshes were missed: what is shown may not be so any more."""
        return time.monotonic() - self.refresher.good_at > STALE_AFTER

    def show_frame(self) -> None:
        """Header, tabs and hints as they should be; what is as it was is not drawn."""
        if not self.is_running or len(self.screen_stack) == 0:
            return
        base = self.screen_stack[0]
        console, width = self.console_, self.size.width
        base.query_one("#header", Bar).set(
            header_left(console.environment, console.actor, self._status.role, self.read_only, width),
            too_small(width, self.size.height)
            or header_right(self._status, self._loaded, self.stale, bool(self._problem), self.symbols),
        )
        base.query_one("#tabs", Bar).set(
            tab_line(self._view.NAME, self._status, width, self.symbols),
            tab_right(self._status, self._view.active_table.filter.text, width, self.symbols),
            tab_actions(self._view.NAME, self._status, width, self.symbols),
        )
        base.query_one("#hints", Bar).set(self._foot(width))

    def _foot(self, width: int) -> Line:
        if self._said:
            return self._said
        if self._problem:
            return line(span(" "), span(f"the store cannot be read: {self._problem}", "bad"))
        by_id = {key.id: key for key in self.key_table}
        keys = [by_id[name] for name in self._view.HINTS]
        table = self._view.active_table
        able = [key for key in keys if self.possible(key)]
        return hint_line(able, width, filtered=table.filter.text, marked=len(table.marks))

    def say(self, text: str, tone: str = "") -> None:
        """A word about what was done, in place of the hints, for a while."""
        self._said = line(span(" "), span(text, tone))
        self._said_at = time.monotonic()
        self.show_frame()

    def possible(self, key: Key) -> bool:
        """Whether a key would do something here."""
        subject = self._view.subject()
        if not self.allowed(key):
            return False
        if key.action.startswith("act("):
            found = plans.plan(key.action[5:-2], subject)
            return isinstance(found, plans.Plan) and self.may(found.right)
        needs = {
            "look.logs": subject is not None and subject.run_id is not None,
            "look.compare": subject is not None and subject.model is not None and self._view.NAME != "duel",
            "pipeline.edit": subject is not None and subject.model is not None,
            "look.describe": subject is not None,
            "look.raw": subject is not None,
            "look.copy": subject is not None,
            "change.undo": self.last_change is not None
            or (subject is not None and (subject.model is not None or subject.entry is not None)),
        }
        if key.view and key.id != "review.undo":
            return subject is not None
        return needs.get(key.id, True)

    def possible_keys(self) -> Iterator[Key]:
        yield from (key for key in self.key_table if self.possible(key))

    @property
    def read_only(self) -> bool:
        """Asked for, or because the person's role changes nothing."""
        rights = self._status.rights
        return self.console_.read_only or (rights is not None and not rights - {Right.VIEW})

    def may(self, right: Right) -> bool:
        """Whether the person has a right here. Until the store was looked at it is not known; the act asks again."""
        rights = self._status.rights
        return not self.console_.read_only and (rights is None or right in rights)

    def allowed(self, key: Key) -> bool:
        """Whether the person may do at all what a key does, in this view."""
        return works(key, self._view.NAME, self.key_table) and self.has_right(key)

    def has_right(self, key: Key) -> bool:
        """Whether the person may do what a key does, in whatever view."""
        if not key.changes:
            return True
        name = key.action[5:-2] if key.action.startswith("act(") else key.action
        return self.may(plans.RIGHTS.get(name, Right.OPERATE))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that change something are dead for whoever may not, and where another key has their place."""
        whole = f"{action}('{parameters[0]}')" if parameters else action
        meant = [key for key in self.key_table if key.action == whole]
        if meant and not any(works(key, self._view.NAME, self.key_table) for key in meant):
            return False
        if action == "review" and not self.may(Right.LABEL):
            return False
        if action in ("act", "edit", "undo"):
            name = str(parameters[0]) if action == "act" else action
            if not self.may(plans.RIGHTS.get(name, Right.OPERATE)):
                return False
        return super().check_action(action, parameters)

    def copy_to_clipboard(self, text: str) -> None:
        """By OSC 52, as much as terminals take; wrapped where tmux would swallow it."""
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        if len(text) > CLIPBOARD:
            self.say(f"too long to copy ({len(text)} characters); E exports it", "warn")
            return
        if os.environ.get("TMUX") and self._driver is not None:
            encoded = base64.b64encode(text.encode()).decode()
            self._driver.write(f"\x1bPtmux;\x1b\x1b]52;c;{encoded}\a\x1b\\")
        else:
            super().copy_to_clipboard(text)
        self.say(f"copied: {shown}", "ok")
