"""`quarterdeck review next` in a terminal: one prediction after the other, a key each."""

from __future__ import annotations

import sys
import termios
import tty
from collections.abc import Callable
from dataclasses import dataclass, field

from quarterdeck.console import acts
from quarterdeck.console.cli.output import clean
from quarterdeck.console.cli.review_rows import item_lines
from quarterdeck.console.context import Console
from quarterdeck.console.formats import counted
from quarterdeck.console.queries.profiles import Profiles
from quarterdeck.console.queries.review import detail
from quarterdeck.console.queries.review_values import ReviewDetail
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import NotAllowedError, QuarterdeckError
from quarterdeck.core.values import Task
from quarterdeck.store import reviews

END = ("q", "\x04", "")  # q, ctrl+d, and where the terminal has gone


@dataclass(slots=True)
class Tally:
    """What was done in this sitting."""

    decided: int = 0
    skipped: int = 0


@dataclass(slots=True)
class Session:
    """Asks until nothing waits or the person leaves. `key` reads one key, `line` a line."""

    console: Console
    model: str | None
    key: Callable[[], str]
    line: Callable[[str], str]
    tally: Tally = field(default_factory=Tally)

    def run(self) -> Tally:
        profiles = Profiles(self.console)
        try:
            while (item := acts.take_review(self.console, self.model)) is not None:
                with self.console.database.read() as tx:
                    found = detail(tx, item.id, self.console.person, profiles.get, utc_now())
                    waiting = sum(reviews.waiting(tx, self.console.environment).values())
                self._show(found, waiting)
                if not self._judge(found):
                    break
            else:
                print("Nothing waits for you.")
        finally:
            acts.release_reviews(self.console)
        print(f"{self.tally.decided} decided, {self.tally.skipped} skipped")
        return self.tally

    def _show(self, found: ReviewDetail, waiting: int) -> None:
        print()
        for text in item_lines(found):
            print(text)
        print(f"{_keys(found)}   ({counted(waiting, 'item')} waiting)")

    def _judge(self, found: ReviewDetail) -> bool:
        """Ask for a key until something was done; False to leave."""
        while True:
            pressed = self.key()
            if pressed in END:
                return False
            try:
                if self._act(pressed.lower(), found):
                    return True
            except NotAllowedError:
                raise
            except QuarterdeckError as error:
                print(f"  {clean(str(error))}")
                if error.exit_code == 4:  # somebody was faster: on to the next
                    return True

    def _act(self, pressed: str, found: ReviewDetail) -> bool:
        item = found.row.id
        if pressed == "a":
            acts.accept_review(self.console, item)
            return self._decided(f"accepted: {found.row.answer}")
        if pressed in ("c", "x"):
            label = self._label(found)
            if label is None:
                return False
            acts.correct_review(self.console, item, label)
            return self._decided(f"corrected: {label}")
        if pressed in ("s", "n"):
            acts.skip_review(self.console, item)
            self.tally.skipped += 1
            print("  skipped")
            return True
        if pressed == "u":
            back, said = acts.undo_review(self.console)
            self.tally.decided -= 1
            print(clean(f"  taken back: {said.label} for item {back.id}"))
            return True
        print(f"  {_keys(found)}")
        return False

    def _decided(self, words: str) -> bool:
        self.tally.decided += 1
        print(clean(f"  {words}   (u takes it back)"))
        return True

    def _label(self, found: ReviewDetail) -> str | None:
        """Of two classes the other one; of more by its number; a value as it is typed."""
        others = [name for name, _ in found.classes if name != found.row.answer]
        if len(others) == 1:
            return others[0]
        if found.task is Task.REGRESSION:
            return self.line(f"  right {clean(found.target)}: ").strip() or None
        for place, name in enumerate(others, 1):
            print(clean(f"  {place}  {name}"))
        typed = self.line("  which (number or name): ").strip()
        return (
            others[int(typed) - 1]
            if typed.isdigit() and typed not in others and 0 < int(typed) <= len(others)
            else typed or None
        )


def _keys(found: ReviewDetail) -> str:
    others = [name for name, _ in found.classes if name != found.row.answer]
    accept = "" if found.row.answer is None else f"a accept {found.row.answer}   "
    right = others[0] if len(others) == 1 else "it"
    return clean(f"{accept}c correct{f' to {right}' if right != 'it' else ''}   s skip   u undo   q quit")


def read_key() -> str:
    """One key of the terminal; ctrl+c interrupts."""
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    sys.stdout.flush()
    try:
        tty.setcbreak(number, termios.TCSANOW)  # its default would throw away what was typed ahead
        return sys.stdin.read(1)
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def read_line(text: str) -> str:
    print(text, end="", flush=True)
    return sys.stdin.readline()
