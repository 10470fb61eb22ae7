"""The one thread that looks at the store. It posts what it finds; the event loop never asks a database.

A look happens when the question changes, when another connection has committed, and every few seconds for
what only
the clock changes. Errors are posted too, and tried again: a console must outlive a busy or missing database.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from quarterdeck.console.queries.questions import AskLive, AskOverview, Look, Question
from quarterdeck.console.tui.story import StoryFeed
from quarterdeck.core.clock import utc_now

if TYPE_CHECKING:
    from quarterdeck.console.context import Console
    from quarterdeck.console.queries.answer import Reader
    from quarterdeck.store.engine import ChangeWatch

POLL = 0.2  # seconds between looks at whether anything was committed
GAP = 0.4  # seconds between two looks at least, however busy the store is
CLOCK = 5.0  # seconds after which a look happens anyway: ages and silences
TRAFFIC = 1.0  # the same on screens that show rates


class Refresher:
    """Looks for one question at a time. `want`, `poke` and `stop` may be called from any thread."""

    def __init__(
        self,
        console: Console,
        story: StoryFeed,
        found: Callable[[Look], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._console = console
        self._story = story
        self._found = found
        self._trouble = trouble
        self._wake = threading.Condition()
        self._question: Question | None = None
        self._asked = False
        self._stopped = False
        self._looked_at = float("-inf")
        self._told = ""
        self._watches: list[ChangeWatch] = []
        self.good_at = time.monotonic()  # the last look that worked, for the header

    def want(self, question: Question) -> None:
        """Look for this from now on."""
        with self._wake:
            if question != self._question:
                self._question = question
                self._asked = True
                self._wake.notify()

    def poke(self) -> None:
        """Look again at once."""
        with self._wake:
            self._asked = True
            self._wake.notify()

    def stop(self) -> None:
        with self._wake:
            self._stopped = True
            self._wake.notify()

    def run(self) -> None:
        """The thread's whole life."""
        reader: Reader | None = None
        pending = False
        try:
            while (question := self._next()) is not None:
                try:
                    if reader is None:
                        reader = self._open()
                    pending = self._committed() or pending
                    if self._due(question, pending):
                        pending = False  # what commits during the look is seen at the next one
                        self._look(reader, question)
                    else:
                        self.good_at = time.monotonic()
                except Exception as error:  # the worker's boundary: it must go on, and say what went wrong
                    self._say(str(error) or type(error).__name__)
        finally:
            for watch in self._watches:
                watch.close()

    def _next(self) -> Question | None:
        """Wait for a reason to go on; None at the end."""
        with self._wake:
            if not self._asked and not self._stopped:
                self._wake.wait(POLL)
            while self._question is None and not self._stopped:
                self._wake.wait()
            return None if self._stopped else self._question

    def _open(self) -> Reader:
        # start-up time: the first frame does not wait for the database's libraries
        from quarterdeck.console.queries.answer import Reader
        from quarterdeck.store.engine import ChangeWatch

        reader = Reader(self._console)
        if self._console.database.is_sqlite:
            self._watches.append(ChangeWatch(self._console.workspace.database))
        return reader

    def _committed(self) -> bool:
        """Whether anyone wrote; always, where that cannot be seen."""
        return not self._watches or any([watch.changed() for watch in self._watches])

    def _due(self, question: Question, pending: bool) -> bool:
        passed = time.monotonic() - self._looked_at
        with self._wake:
            if self._asked:
                self._asked = False
                return True
        if self._story.line() != self._told:
            return passed >= GAP
        limit = TRAFFIC if isinstance(question, AskOverview | AskLive) else CLOCK
        return passed >= limit or (pending and passed >= GAP)

    def _look(self, reader: Reader, question: Question) -> None:
        self._told = self._story.line()
        look = reader.look(question, utc_now(), self._told)
        self._looked_at = self.good_at = time.monotonic()
        self._found(look)

    def _say(self, problem: str) -> None:
        """Report, and wait before the next try."""
        self._trouble(problem)
        with self._wake:
            if not self._stopped:
                self._wake.wait(1.0)
