"""In which form answers go out. The desks decide who answers; a form writes it down, for one protocol.

A request's rows may have been answered by several versions: each part is written by itself, where the one who
answered can still be replaced if its answer cannot be written, and the parts are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from quarterdeck.scheduler.serving.live import LiveModel
from quarterdeck.scheduler.serving.protocols import Plain


class Written(NamedTuple):
    """A part of a request's rows, as a form wrote its answers."""

    places: Sequence[int]  # of its rows in the request
    live: LiveModel
    part: Any  # what Form.part() gave


class Form(Protocol):
    """Called in the loop for few rows, in a thread for many. What is raised here is the version's failure."""

    def whole(self, live: LiveModel, ids: Sequence[str], answers: Plain, start: int) -> bytes:
        """The body where one version answered all rows: those of `answers` from `start` on, one an id."""

    def part(self, live: LiveModel, ids: Sequence[str], answers: Plain, start: int, *, mixed: bool) -> Any:
        """Some rows' answers, for joined(); `mixed`: other rows of the request are another version's."""

    def joined(self, champion: LiveModel, parts: Sequence[Written], rows: int) -> bytes:
        """The body that holds all parts, in the order of the request's rows."""


class PlainForm:
    """The answers of `POST /predict/{endpoint}`: one object a row, under `predictions`.

    Where versions are mixed, each prediction names the `version` that made it, and the `version` at the top is the
    champion's.
    """

    def whole(self, live: LiveModel, ids: Sequence[str], answers: Plain, start: int) -> bytes:
        return live.shape.encode(ids, answers, start)

    def part(self, live: LiveModel, ids: Sequence[str], answers: Plain, start: int, *, mixed: bool) -> list[str]:
        return live.shape.parts(ids, answers, start, named=mixed)

    def joined(self, champion: LiveModel, parts: Sequence[Written], rows: int) -> bytes:
        if len(parts) == 1:
            return parts[0].live.shape.body(parts[0].part)
        predictions = [""] * rows
        for written in parts:
            for place, prediction in zip(written.places, written.part, strict=True):
                predictions[place] = prediction
        return champion.shape.body(predictions)


PLAIN = PlainForm()
