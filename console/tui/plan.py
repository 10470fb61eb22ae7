"""What an action would change, before it is done: restated for the person who confirms it.

A plan holds what was seen when it was made; the act refuses if that has changed since.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quarterdeck.core.rights import Right

if TYPE_CHECKING:
    from quarterdeck.console.context import Console

PRODUCTION = "production"

Do = Callable[["Console", str], Any]  # the console, and the reason that was typed
Note = tuple[str, str]  # text, tone


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """`changes` are (what, before, after). `confirmed` acts ask first; `live` ones change what answers
    requests. `right` is what the act needs, `subject` what it is about.
    """

    action: str
    verb: str  # on the button
    title: str
    changes: tuple[tuple[str, str, str], ...]
    do: Do
    done: str  # said afterwards
    model: str
    right: Right
    subject: str
    notes: tuple[Note, ...] = ()
    blocked: str = ""  # why the button does not work, whatever is typed
    confirmed: bool = True
    live: bool = False
    needs_reason: bool = False
    look: Callable[[Console], Plan] | None = None  # asks the store, before the dialog, what only it knows
    undo: Callable[[Any], Plan | str] | None = None  # from what the act gave back
    choices: tuple[tuple[str, str, str], ...] = ()  # (id, mark, words): asked before all else ...
    choose: Callable[[str], Plan] | None = None  # ... and the plan that a choice makes
    in_ledger: bool = False  # the ledger knows how to take it back, also later

    def typed_name(self, environment: str) -> str | None:
        """What must be typed to confirm."""
        return self.model if self.live and environment == PRODUCTION else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why an action is not possible here. `fits` says whether it makes sense for this kind of row at all."""

    why: str
    fits: bool = True
