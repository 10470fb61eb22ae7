"""People's yes to a version: plans for giving it and taking it back, and what a promotion's dialog shows of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quarterdeck.console.tui.plan import Note, Plan, Refusal
from quarterdeck.console.tui.subject import HAVE_NAMES, Kind, Subject
from quarterdeck.core.rights import Right
from quarterdeck.core.values import Outcome, VersionState

if TYPE_CHECKING:
    from quarterdeck.console.context import Console
    from quarterdeck.console.queries.approvals import Standing
    from quarterdeck.core.registry import Version

GATES_SHOWN = 3  # gates against a promotion that are named in its dialog: it must fit 24 rows


def approve(subject: Subject) -> Plan | Refusal:
    """Say yes to a version; the same again takes it back."""
    number = subject.version if subject.kind is Kind.VERSION else subject.aliases.challenger
    if subject.model is None or subject.kind not in HAVE_NAMES:
        return Refusal(why="select a version to approve it", fits=False)
    if number is None:
        return Refusal(why=f"{subject.model} has no challenger: select a version in the registry (3)")
    if subject.state is VersionState.RETIRED:
        return Refusal(why=f"{subject.model}@{number} is retired")
    return approving(subject.model, number, gate_notes(subject, False))


def approving(model: str, number: int, notes: tuple[Note, ...] = ()) -> Plan:
    """A person's yes to a version."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.approve(console, f"{model}@{number}", reason=reason)

    found = Plan(
        action="approve",
        verb="Approve",
        title=f"Approve {model} {number}",
        changes=(("your word", "none", "approved"),),
        notes=notes,
        do=do,
        done=f"you approve {model}@{number}",
        model=model,
        right=Right.APPROVE,
        subject=f"{model}@{number}",
        needs_reason=True,
        look=lambda console: _approving_or_not(found, console, model, number),
        undo=lambda _: unapproving(model, number),
    )
    return found


def _approving_or_not(found: Plan, console: Console, model: str, number: int) -> Plan:
    """The yes, or where it was given already, taking it back."""
    from quarterdeck.console.queries.approvals import standing  # start-up time
    from quarterdeck.store import registry

    with console.database.read() as tx:
        version = registry.get(tx, model, number)
        people = standing(tx, console, version)
    given = console.person in {approval.person for approval in (*people.given, *people.void)}
    plan = unapproving(model, number) if given else found
    return replace(plan, notes=(*plan.notes, *_people_notes(people), *_gates_against(version)))


def unapproving(model: str, number: int) -> Plan:
    """Take one's own yes back."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.unapprove(console, f"{model}@{number}", reason=reason)

    return Plan(
        action="unapprove",
        verb="Take back",
        title=f"Take back your approval of {model} {number}",
        changes=(("your word", "approved", "none"),),
        do=do,
        done=f"you do not approve {model}@{number} any more",
        model=model,
        right=Right.APPROVE,
        subject=f"{model}@{number}",
        needs_reason=True,
        undo=lambda _: approving(model, number),
    )


def gate_notes(subject: Subject, forced: bool) -> tuple[tuple[str, str], ...]:
    if subject.kind is not Kind.VERSION:
        return ()
    text = f"gates       {subject.passed} of {subject.gates} passed"
    if forced:
        why = "It failed a gate" if subject.outcome is Outcome.FAIL else "It has not passed its gates"
        return ((f"{text}. {why}: you force it, and the ledger keeps that with your reason.", "bad"),)
    return ((text, "ok" if subject.passed == subject.gates else "warn"),)


def with_people(found: Plan, console: Console, model: str, number: int) -> Plan:
    """With the gates that stand against it, and with who approved it."""
    from quarterdeck.console.queries.approvals import standing  # start-up time
    from quarterdeck.store import registry

    with console.database.read() as tx:
        version = registry.get(tx, model, number)
        people = standing(tx, console, version)
    notes = (*found.notes, *_people_notes(people), *_gates_against(version))
    return replace(found, notes=notes, blocked="" if people.clear else "it may not be promoted yet")


def _gates_against(version: Version) -> tuple[Note, ...]:
    against = [item for item in version.verdicts if item.outcome is not Outcome.PASS]
    shown = [(f"{item.outcome.upper():<11} {item.gate}", "bad") for item in against[:GATES_SHOWN]]
    more = len(against) - GATES_SHOWN
    return (*shown, (f"            and {more} more gates", "bad")) if more > 0 else tuple(shown)


def _people_notes(people: Standing) -> tuple[Note, ...]:
    lacking = people.problem or people.missing
    notes: list[Note] = [(f"approvals   {people.in_words}", "bad" if lacking else "ok" if people.needed else "dim")]
    if people.gates_against:
        notes.append((f"your role   promotes where your gates pass: {'; '.join(people.gates_against)}", "bad"))
    return tuple(notes)
