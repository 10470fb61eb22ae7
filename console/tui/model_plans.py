"""Plans for what a model's names point at: promote, roll back, demote, keep the champion, undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quarterdeck.console.tui.approval_plans import gate_notes, with_people
from quarterdeck.console.tui.plan import Plan, Refusal
from quarterdeck.console.tui.subject import HAVE_NAMES, Kind, Subject
from quarterdeck.core.ledger import Entry
from quarterdeck.core.rights import Right
from quarterdeck.core.values import VersionState

if TYPE_CHECKING:
    from quarterdeck.console.context import Console


def promote(subject: Subject) -> Plan | Refusal:
    number = subject.version if subject.kind is Kind.VERSION else subject.aliases.challenger
    if subject.model is None or subject.kind not in HAVE_NAMES:
        return Refusal(why="select a version to promote it", fits=False)
    if number is None:
        return Refusal(why=f"{subject.model} has no challenger: select a version in the registry (3)")
    if number == subject.aliases.champion:
        return Refusal(why=f"{subject.model}@{number} is the champion already")
    if subject.state is VersionState.RETIRED:
        return Refusal(why=f"{subject.model}@{number} is retired")
    return promotion(subject, number)


def promotion(subject: Subject, number: int) -> Plan:
    """Make a version of the subject's model the champion."""
    aliases, model = subject.aliases, subject.model or ""
    forced = subject.state in (VersionState.CANDIDATE, VersionState.REJECTED)

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.promote(console, f"{model}@{number}", reason=reason, saw_champion=aliases.champion, force=forced)

    changes = [("champion", _name(aliases.champion), str(number))]
    if aliases.champion is not None:
        changes.append(("previous", _name(aliases.previous), _name(aliases.champion)))
    if aliases.challenger == number:
        changes.append(("challenger", str(number), "none"))
    found = Plan(
        action="promote",
        verb="Force" if forced else "Promote",
        title=f"Promote {model} {number}" + (" against its gates" if forced else ""),
        changes=tuple(changes),
        notes=gate_notes(subject, forced),
        do=do,
        done=f"{model}@{number} is the champion",
        model=model,
        live=True,
        right=Right.FORCE if forced else Right.PROMOTE,
        subject=f"{model}@{number}",
        needs_reason=forced,
        look=lambda console: with_people(found, console, model, number),
        in_ledger=True,
    )
    return found


def rollback(subject: Subject) -> Plan | Refusal:
    if subject.model is None or subject.kind not in HAVE_NAMES:
        return Refusal(why="select a model to roll it back", fits=False)
    aliases = subject.aliases
    if aliases.previous is None or aliases.champion is None:
        return Refusal(why=f"{subject.model} has no previous version to roll back to")
    return rolling_back(subject.model, aliases.champion, aliases.previous)


def rolling_back(model: str, champion: int, previous: int) -> Plan:
    """Make the previous version the champion again."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.rollback(console, model, reason=reason, saw_champion=champion)

    return Plan(
        action="rollback",
        verb="Roll back",
        title=f"Roll back {model} to {previous}",
        changes=(("champion", str(champion), str(previous)), ("previous", str(previous), "none")),
        notes=(("At once: no gate, no approval and no analysis is asked.", "warn"),),
        do=do,
        done=f"{model}@{previous} is the champion again",
        model=model,
        right=Right.DEMOTE,
        subject=model,
        live=True,
        in_ledger=True,
    )


def keep(subject: Subject) -> Plan | Refusal:
    if subject.model is None or subject.kind not in HAVE_NAMES:
        return Refusal(why="select a model with a challenger", fits=False)
    number = subject.aliases.challenger
    if number is None:
        return Refusal(why=f"{subject.model} has no challenger")
    return withdrawal(subject.model, number)


def withdrawal(model: str, challenger: int) -> Plan:
    """End the comparison: the champion stays."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.withdraw(console, model, reason=reason)

    return Plan(
        action="keep",
        verb="Keep champion",
        title=f"Keep the champion of {model}",
        changes=(("challenger", str(challenger), "none"),),
        notes=((f"Version {challenger} leaves the traffic, and the comparison ends.", "warn"),),
        do=do,
        done=f"{model} keeps its champion; {challenger} is withdrawn",
        model=model,
        right=Right.DEMOTE,
        subject=model,
        live=True,
        in_ledger=True,
    )


def demote(subject: Subject) -> Plan | Refusal:
    """Reject the champion for cause."""
    if subject.model is None or subject.kind not in HAVE_NAMES:
        return Refusal(why="select a model to demote its champion", fits=False)
    names, model = subject.aliases, subject.model
    champion = names.champion
    if champion is None:
        return Refusal(why=f"{model} has no champion to demote")
    back = names.previous if names.previous != champion else None

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.demote(console, model, reason=reason, saw_champion=champion)

    changes = [("champion", str(champion), _name(back)), (f"version {champion}", "champion", "rejected")]
    if back is not None:
        changes.append(("previous", str(back), "none"))
    if names.challenger is not None and names.challenger in (champion, back):
        changes.append(("challenger", str(names.challenger), "none"))
    nobody = () if back is not None else ((f"NOBODY answers for {model} then.", "bad"),)
    return Plan(
        action="demote",
        verb="Demote",
        title=f"Demote {model} {champion}",
        changes=tuple(changes),
        notes=(*nobody, ("At once. Its approvals are void: a new promotion needs new ones.", "warn")),
        do=do,
        done=f"{model}@{champion} is rejected; " + (f"{model}@{back} is the champion" if back else "nobody answers"),
        model=model,
        right=Right.DEMOTE,
        subject=model,
        live=True,
        needs_reason=True,
        in_ledger=True,
    )


def undoing(entry: Entry, changes: list[tuple[str, str, str]]) -> Plan:
    """Take an act of the ledger back, as a new one."""
    model = entry.subject.partition("@")[0]

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.undo(console, entry.seq, reason=reason)

    said = f"{entry.at:%Y-%m-%d %H:%M:%SZ} by {entry.actor}: {entry.reason or 'no reason given'}"
    return Plan(
        action="undo",
        verb="Undo",
        title=f"Undo {entry.act} {entry.subject}",
        changes=tuple(changes),
        notes=((f"entry {entry.seq:<6}{said}", ""),),
        do=do,
        done=f"entry {entry.seq} is undone",
        model=model,
        right=Right.OPERATE if entry.act == "retire" else Right.DEMOTE,
        subject=entry.subject,
        live=True,
        in_ledger=True,
    )


def _name(number: int | None) -> str:
    return "none" if number is None else str(number)
