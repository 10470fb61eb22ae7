"""Where the operator has been: back, forth, and the last screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class TablePlace:
    filter: str
    sort_key: str | None
    reverse: bool
    cursor_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A view with its filters, sorting and rows; `scope` is what it is about, `focus` the pane in use."""

    view: str
    tables: Mapping[str, TablePlace] = field(default_factory=dict)
    scope: Mapping[str, Any] = field(default_factory=dict)
    focus: str | None = None


class History:
    """A line of places with the present one marked, as a browser keeps it."""

    def __init__(self, limit: int = 100) -> None:
        self._back: list[Place] = []
        self._forward: list[Place] = []
        self._limit = limit

    def leave(self, place: Place) -> None:
        """Go on to a new place: what was ahead is forgotten."""
        self._back = [*self._back, place][-self._limit :]
        self._forward.clear()

    def back(self, present: Place) -> Place | None:
        if not self._back:
            return None
        self._forward.append(present)
        return self._back.pop()

    def forward(self, present: Place) -> Place | None:
        if not self._forward:
            return None
        self._back.append(present)
        return self._forward.pop()

    def last(self, present: Place) -> Place | None:
        """The last place on another screen."""
        found = next((place for place in reversed(self._back) if place.view != present.view), None)
        if found is not None:
            self.leave(present)
        return found
