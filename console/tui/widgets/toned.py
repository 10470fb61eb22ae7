"""The base of everything that draws lines of spans: tones become the theme's styles."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from quarterdeck.console.tui.text import TONES, Line, fit


class Toned(Widget):
    """Draws a line of spans in the theme's colours."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone}" for tone in TONES}

    def tone_style(self, tone: str) -> Style:
        return self.get_component_rich_style(f"tone--{tone}", partial=True) if tone else Style.null()

    def strip_of(self, parts: Line, width: int, over: Style | None = None) -> Strip:
        """The spans in `width` cells on the widget's own background; `over` is laid over all of them."""
        base = self.rich_style
        top = over or Style.null()
        segments = [Segment(text, base + self.tone_style(tone) + top) for text, tone in fit(parts, width)]
        return Strip(segments, width).simplify()
