"""A text of toned lines that wraps and scrolls. Only lines that differ are drawn again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from quarterdeck.console.tui.keymap import MOVES, bindings
from quarterdeck.console.tui.text import Line, plain, wrap
from quarterdeck.console.tui.widgets.toned import Toned

_SCROLLS = ("down", "up", "first", "final", "page_down", "page_up")
_READS = tuple(key for key in MOVES if key.action in _SCROLLS)


class Lines(Toned, ScrollView, can_focus=True):
    """`indent` is where wrapped lines go on."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_READS)]

    def __init__(self, *, id: str, indent: int = 0, wraps: bool = True) -> None:
        super().__init__(id=id)
        self.source: tuple[Line, ...] = ()
        self._indent = indent
        self.wraps = wraps
        self._shown: list[Line] = []

    def set_lines(self, lines: Sequence[Line], *, follow: bool = False) -> None:
        """Show these lines; `follow` keeps the end in sight if it was in sight before."""
        found = tuple(lines)
        if found == self.source:
            return
        at_end = follow and self.scroll_offset.y >= self.max_scroll_y
        self.source = found
        self._lay_out()
        if at_end:
            self.scroll_to(y=max(0, len(self._shown) - self.size.height), animate=False, force=True)

    def set_title(self, title: str) -> None:
        if self.border_title != title:
            self.border_title = title

    def text(self) -> str:
        return "\n".join(plain(parts) for parts in self.source)

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        before, width = self._shown, self._width
        if width <= 0:
            return
        if self.wraps:
            self._shown = [part for source in self.source for part in wrap(source, width, indent=self._indent)]
        else:
            self._shown = list(self.source)
        top, height = self.scroll_offset.y, self.size.height
        if len(before) != len(self._shown):
            self.virtual_size = Size(width, len(self._shown))
            top = self.scroll_offset.y
        for y in range(height):
            if self._at(before, top + y) != self._at(self._shown, top + y):
                self.refresh(Region(0, y, self.size.width, 1))

    @staticmethod
    def _at(lines: list[Line], index: int) -> Line | None:
        return lines[index] if index < len(lines) else None

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def render_line(self, y: int) -> Strip:
        found = self._at(self._shown, self.scroll_offset.y + y)
        return self.strip_of(found or (), self.size.width)

    def action_down(self) -> None:
        self.scroll_relative(y=1, animate=False)

    def action_up(self) -> None:
        self.scroll_relative(y=-1, animate=False)

    def action_first(self) -> None:
        self.scroll_to(y=0, animate=False)

    def action_final(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False)

    def action_page_down(self) -> None:
        self.scroll_relative(y=max(1, self.size.height - 1), animate=False)

    def action_page_up(self) -> None:
        self.scroll_relative(y=-max(1, self.size.height - 1), animate=False)
