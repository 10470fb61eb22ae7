"""What stands between a version and its promotion by this person: for the dialog and for `model approvals`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from quarterdeck.console.context import Console
from quarterdeck.core.approval import Approval, gates_against
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.registry import Version
from quarterdeck.store import approvals, rights


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """`given` are the approvals that count, `void` those that do not: of people who may not approve any more."""

    needed: int | None  # None: it cannot be told, and `problem` says why
    given: tuple[Approval, ...]
    void: tuple[Approval, ...]
    missing: int
    may_approve: tuple[str, ...]
    gates_against: tuple[str, ...]  # of those that the person's role is bound to
    problem: str = ""

    @property
    def clear(self) -> bool:
        """Whether nothing here stands against a promotion."""
        return not (self.problem or self.missing or self.gates_against)

    @property
    def in_words(self) -> str:
        """ "1 of 2 (ann); may approve: bob, cho", "none asked"."""
        if self.needed is None:
            return self.problem
        people = ", ".join(approval.person for approval in self.given)
        if not self.needed:
            return f"none asked; given by {people}" if people else "none asked"
        words = f"{len(self.given)} of {self.needed}" + (f" ({people})" if people else "")
        return f"{words}; may approve: {', '.join(self.may_approve) or 'nobody else'}" if self.missing else words


def standing(tx: Connection, console: Console, version: Version) -> Standing:
    """What is asked, what is there, and who could give the rest."""
    problem, needed = "", None
    try:
        needed = approvals.needed(console.workspace, version)
    except RefusedError as error:
        problem = error.message
    which = (version.model, version.number, console.environment)
    given = approvals.valid(tx, *which)
    grant = rights.grant_of(tx, console.person, console.environment)
    return Standing(
        needed=needed,
        given=tuple(given),
        void=tuple(item for item in approvals.approvals(tx, *which) if item not in given),
        missing=approvals.missing(tx, *which, needed or 0),
        # where nobody has a role yet, the first who acts will have every right
        may_approve=(console.person,) if rights.is_new(tx) else tuple(approvals.may_approve(tx, *which)),
        gates_against=tuple(gates_against(grant, version)),
        problem=problem,
    )
