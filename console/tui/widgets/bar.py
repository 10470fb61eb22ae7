"""One line with something at its left and something at its right: header, tabs, story, hints."""

from __future__ import annotations

from rich.segment import Segment
from textual import events
from textual.strip import Strip

from quarterdeck.console.tui.text import EMPTY, Line, fit, width_of
from quarterdeck.console.tui.widgets.toned import Toned


class Bar(Toned):
    """Set it as often as you like: only a line that differs is drawn."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.left: Line = EMPTY
        self.right: Line = EMPTY
        self._actions: tuple[tuple[int, int, str], ...] = ()

    def set(self, left: Line, right: Line = EMPTY, actions: tuple[tuple[int, int, str], ...] = ()) -> None:
        """`actions` are (first cell, cell behind the last, action of the app) for the mouse."""
        self._actions = actions
        if (left, right) != (self.left, self.right):
            self.left, self.right = left, right
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        rest = width_of(self.right)
        if rest + 10 > width:
            return self.strip_of(self.left, width)
        left = fit(self.left, width - rest)
        base = self.rich_style
        segments = [Segment(text, base + self.tone_style(tone)) for text, tone in (*left, *self.right)]
        return Strip(segments, width).simplify()

    def on_click(self, event: events.Click) -> None:
        for first, behind, action in self._actions:
            if first <= event.x < behind:
                self.app.call_later(self.app.run_action, action)
