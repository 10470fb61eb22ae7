"""Judging predictions on the review screen: one key each, done by console/acts in a thread, in the order pressed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual import work

from quarterdeck.console.queries.review_values import ReviewDetail, ReviewRow
from quarterdeck.console.tui.changing import Changing
from quarterdeck.console.tui.screens.review import ReviewView
from quarterdeck.core.errors import ConflictError, QuarterdeckError
from quarterdeck.core.review import OPEN
from quarterdeck.core.rights import Right

BACK = "   u takes it back"


class Reviewing(Changing):
    """No dialog asks back: a decision can be taken back for a minute."""

    _in_order: asyncio.Lock | None = None

    async def action_review(self, name: str) -> None:
        view = self.view
        if not isinstance(view, ReviewView):
            return
        if name == "undo":
            self._undo_review(view)
            return
        row = view.current
        if row is None:
            self.say("nothing waits here", "dim")
        elif name == "accept":
            self._accept(view, row)
        elif name == "skip":
            self._judge(view, row, lambda acts: acts.skip_review(self.console_, row.id), "to the end of the queue")
        else:
            self._correct(view, row)

    def _accept(self, view: ReviewView, row: ReviewRow) -> None:
        if row.answer is None:
            self.say("it is judged without the model's answer: x says what is right", "warn")
            return
        self._judge(view, row, lambda acts: acts.accept_review(self.console_, row.id), f"it is {row.answer}{BACK}")

    @work(group="review", exit_on_error=False)
    async def _correct(self, view: ReviewView, row: ReviewRow) -> None:
        """Of two classes the other one at once; else what the person chooses or types."""
        found = view.detail
        if found is None or found.row.id != row.id:
            found = await asyncio.to_thread(self._review_detail, row.id)
        others = [name for name, _ in found.classes if name != found.row.answer]
        if len(others) == 1:
            label: str | None = others[0]
        else:
            from quarterdeck.console.tui.screens.correct import Correct  # start-up time

            label = await self.push_screen_wait(Correct(found))
        if label is None:
            self.say("nothing has changed", "dim")
            return
        text = label
        self._judge(view, row, lambda acts: acts.correct_review(self.console_, row.id, text), f"it is {text}{BACK}")

    def _review_detail(self, item: int) -> ReviewDetail:
        from quarterdeck.console.queries.profiles import Profiles  # start-up time
        from quarterdeck.console.queries.review import detail
        from quarterdeck.core.clock import utc_now

        with self.console_.database.read() as tx:
            return detail(tx, item, self.console_.person, Profiles(self.console_).get, utc_now())

    def _judge(self, view: ReviewView, row: ReviewRow, do: Callable[[Any], Any], done: str) -> None:
        """The row goes at once; it comes back where the act was refused."""
        view.drop(row)
        self._carry(view, row, do, done)

    @work(group="review", exit_on_error=False)
    async def _carry(self, view: ReviewView, row: ReviewRow, do: Callable[[Any], Any], done: str) -> None:
        try:
            item = await self._act(do)
        except QuarterdeckError as error:
            if isinstance(error, ConflictError):
                view.expect(row)  # if it is still there, the store knows how
            else:
                view.put_back(row)
            self.say(str(error), "warn" if isinstance(error, ConflictError) else "bad")
        else:
            if item.state in OPEN:
                view.expect(row)
            self.say(f"{row.model}, item {row.id}: {done}", "ok")
        self.refresher.poke()

    @work(group="review", exit_on_error=False)
    async def _undo_review(self, view: ReviewView) -> None:
        try:
            item, _ = await self._act(lambda acts: acts.undo_review(self.console_))
        except QuarterdeckError as error:
            self.say(str(error), "warn")
            return
        view.select(item.id)
        self.say(f"{item.model}, item {item.id}: taken back", "ok")
        self.refresher.poke()

    async def _act(self, do: Callable[[Any], Any]) -> Any:
        """In a thread, after what was pressed before."""
        from quarterdeck.console import acts  # start-up time

        if self._in_order is None:
            self._in_order = asyncio.Lock()
        async with self._in_order:
            return await asyncio.to_thread(do, acts)

    @work(group="hold", exclusive=True, exit_on_error=False)
    async def on_review_view_rests(self, event: ReviewView.Rests) -> None:
        """What a person looks at is in their hand, so that nobody else is asked the same meanwhile."""
        if not self.may(Right.LABEL):
            return
        try:
            await self._act(lambda acts: acts.hold_review(self.console_, event.row.id))
        except QuarterdeckError:
            self.refresher.poke()  # somebody was faster: the row will say who
