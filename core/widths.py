"""Which window of event time a row belongs to, where the width of the windows was changed on the way.

Windows begin at multiples of their width since 1970 UTC. A change of width holds from a moment on: rows before it
belong to windows of the width before, however late they come, so that a row's window never depends on when it was
counted, and no two windows of a model overlap. A window that the moment cuts ends (or begins) there.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

EARLIEST = -(2**62)  # microseconds since 1970: before any event


@dataclass(frozen=True, slots=True)
class Widths:
    """The widths of one model's windows, all in microseconds: (since, width), the earliest first, from EARLIEST on."""

    steps: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, width: int) -> Widths:
        """One width for all time."""
        return cls(((EARLIEST, width),))

    @property
    def width(self) -> int:
        """The one that holds from the last change on."""
        return self.steps[-1][1]

    def window(self, event_at: int) -> tuple[int, int]:
        """The window [start, end) that holds a time.

        >>> Widths(((EARLIEST, 60), (90, 100))).window(80), Widths(((EARLIEST, 60), (90, 100))).window(95)
        ((60, 90), (90, 100))
        """
        place = bisect_right(self.steps, event_at, key=lambda step: step[0]) - 1
        since, width = self.steps[max(place, 0)]
        start = event_at - event_at % width
        end = start + width
        if place + 1 < len(self.steps):
            end = min(end, self.steps[place + 1][0])
        return max(start, since), end

    def changed(self, width: int, newest: int | None) -> Widths:
        """The same with another width from the earliest moment on that no row has reached.

        That is where the window under way ends, or a window of the new width would begin if that comes first. `newest`
        is the latest event counted so far; None for none: then there is nothing that the old width holds for.
        """
        if newest is None:
            return Widths.of(width)
        since = min(self.window(newest)[1], newest - newest % width + width)
        return Widths((*(step for step in self.steps if step[0] < since), (since, width)))
