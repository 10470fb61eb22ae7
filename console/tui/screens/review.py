"""6 Review: predictions that wait for a person on the left, the one under the cursor on the right; a key judges it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.message import Message

from quarterdeck.console.queries.questions import Answer, AskReview
from quarterdeck.console.queries.review_values import Review, ReviewDetail, ReviewRow
from quarterdeck.console.tui.screens import review_rows as rows
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line
from quarterdeck.console.tui.view import View
from quarterdeck.console.tui.widgets.columns import Row
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.console.tui.widgets.table import Table

RESTS = 0.5  # seconds that the cursor stays on a row, before the row counts as in the person's hand


class ReviewView(View):
    NAME = "review"
    HINTS: ClassVar[tuple[str, ...]] = (
        "review.accept",
        "review.correct",
        "review.skip",
        "review.undo",
        "look.zoom",
        "move.pane",
        "look.describe",
        "find.filter",
        "find.command",
        "find.help",
    )

    class Rests(Message):
        """The cursor has stayed on a row for a while."""

        def __init__(self, row: ReviewRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, symbols: Symbols) -> None:
        super().__init__(symbols)
        self._rows: dict[str, ReviewRow] = {}
        self._gone: set[str] = set()  # judged here; the store may not have been looked at since
        self._answer: Review | None = None
        self._model: str | None = None
        self._now: datetime | None = None

    def compose(self) -> ComposeResult:
        table = Table(rows.COLUMNS, id="reviews", empty="nothing waits")
        text = Lines(id="review", indent=4)
        table.add_class("pane")
        text.add_class("pane")
        yield table
        yield text

    def question(self) -> AskReview:
        chosen = self.table("reviews").cursor_id
        return AskReview(selected=int(chosen) if chosen is not None else None, model=self._model)

    def fill(self, answer: Answer, now: datetime) -> None:
        if not isinstance(answer, Review):
            return
        self._answer, self._now = answer, now
        self._rows = {str(row.id): row for row in answer.rows}
        self._gone &= self._rows.keys()
        self._show_rows()
        self._write()

    def _show_rows(self) -> None:
        shown = [row for name, row in self._rows.items() if name not in self._gone]
        if self._now is not None:
            self.table("reviews").set_rows([rows.table_row(row, self.symbols, self._now) for row in shown])

    def _write(self) -> None:
        """The prediction under the cursor, or what to do where there is none."""
        pane, found = self.lines("review"), self.detail
        if self._answer is None or self._now is None:
            return
        if found is None:
            waits = bool(self.table("reviews").all_rows)
            pane.set_lines([] if waits else rows.empty_lines(self._answer, self._model))
            return
        pane.set_lines(rows.detail_lines(found, self.symbols, self._now))

    @property
    def detail(self) -> ReviewDetail | None:
        """What is known of the row under the cursor; None until the store was looked at for it."""
        found = None if self._answer is None else self._answer.detail
        return found if found is not None and str(found.row.id) == self.table("reviews").cursor_id else None

    @property
    def current(self) -> ReviewRow | None:
        row = self.table("reviews").current
        return None if row is None else self._rows.get(row.id)

    def drop(self, row: ReviewRow) -> None:
        """It was judged: the next one takes its place at once."""
        self._gone.add(str(row.id))
        self._show_rows()
        self._write()

    def put_back(self, row: ReviewRow) -> None:
        """It was not judged after all, or is to be judged anew."""
        self._gone.discard(str(row.id))
        self._show_rows()
        self._write()

    def expect(self, row: ReviewRow) -> None:
        """It stays in the queue, at another place or for another person: the next look shows it."""
        self._gone.discard(str(row.id))

    def select(self, item: int) -> None:
        """Put the cursor on an item as soon as it is there."""
        self._gone.discard(str(item))
        self.table("reviews").select(str(item))

    def selected(self, table: Table) -> None:
        self._write()
        row = self.current
        if row is not None and not row.mine and row.held_by is None:
            self.set_timer(RESTS, lambda: self._rest(row))

    def _rest(self, row: ReviewRow) -> None:
        current = self.current
        if current is not None and current.id == row.id and self.display:
            self.post_message(self.Rests(current))

    def opened(self, table: Table, row: Row) -> None:
        self.lines("review").focus()
        self.zoom(True)

    def show(self, **scope: Any) -> None:
        """`model` shows that model's queue alone; None shows every model's."""
        self._model = scope.get("model")

    def scope(self) -> dict[str, Any]:
        return {"model": self._model}

    def out(self) -> bool:
        if self._model is None:
            return False
        self._model = None
        return True

    def subject(self) -> Subject | None:
        row = self.current
        if row is None:
            return None
        return Subject(kind=Kind.REVIEW, key=str(row.id), label=f"review {row.id}", model=row.model)

    def describe(self) -> tuple[str, list[Line]]:
        if self.detail is None or self._now is None:
            return "Review", []
        return f"review {self.detail.row.id}", rows.detail_lines(self.detail, self.symbols, self._now)
