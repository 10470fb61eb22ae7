"""What a promotion asks of people beside the gates: approvals by enough of them, and an approver's named gates.

Pure rules: who holds which right is told by the caller (store/approvals.py). Approvals are by people: a person who
acts through several accounts is one person, and a token is none. Loads without any library.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from quarterdeck.core.errors import NotAllowedError
from quarterdeck.core.registry import Version
from quarterdeck.core.rights import Grant, Right, Role, is_token, person_of
from quarterdeck.core.values import Alias, Outcome, VersionState

MOST = 2  # approvals that a manifest can ask for


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """One person's yes to one version in one environment."""

    environment: str
    model: str
    version: int
    person: str
    reason: str
    at: datetime  # UTC


def counting(approvals: Sequence[Approval], holders: Collection[str]) -> tuple[Approval, ...]:
    """The approvals that count, one for each person: of people, and of those who may still approve (`holders`)."""
    found: dict[str, Approval] = {}
    for approval in approvals:
        person = person_of(approval.person)
        if person in holders and not is_token(person):
            found.setdefault(person, approval)
    return tuple(found.values())


def missing_approvals(approvals: Sequence[Approval], holders: Collection[str], needed: int) -> int:
    """How many distinct people must still say yes; 0 where enough have, or where none is asked."""
    return max(0, needed - len(counting(approvals, holders)))


def who_may_approve(approvals: Sequence[Approval], holders: Collection[str]) -> list[str]:
    """The people who may approve and have not."""
    have = {person_of(approval.person) for approval in approvals}
    return sorted(person for person in holders if person not in have and not is_token(person))


def approvals_refusal(
    reference: str, environment: str, *, missing: int, needed: int, given: Sequence[str], may: Sequence[str]
) -> NotAllowedError:
    """What is said where approvals are missing: how many, who has given one, and who may."""
    word = "approval" if missing == 1 else "approvals"
    have = f"approved by {', '.join(given)}" if given else "nobody has approved it"
    return NotAllowedError(
        f"it needs {missing} more {word} in {environment}: {have}, and {needed} {_people(needed)} must",
        where=reference,
        hint=f"`quarterdeck model approve {reference}`; who may approve: {', '.join(may[:5]) or 'nobody else'}",
    )


def _people(number: int) -> str:
    return "person" if number == 1 else "people"


def gates_against(grant: Grant | None, version: Version) -> list[str]:
    """Why an approver may not promote this version: each named gate that is not PASS, in words; empty: they may.

    `grant.gates` names gates by their key ("roc_auc_score min"), or all gates of a metric by its name; None means
    every gate that was asked. A named gate that was not asked stands against it. Roles above approver are not bound
    to gates by their grant.
    """
    if grant is None or grant.role is not Role.APPROVER:
        return []
    if grant.gates is None:
        return [f"{item.gate} is {item.outcome.upper()}" for item in version.verdicts if item.outcome != Outcome.PASS]
    against = []
    for name in grant.gates:
        found = [item for item in version.verdicts if name in (item.key, item.metric, item.gate)]
        if not found:
            against.append(f"{name} was not asked")
        against += [f"{item.gate} is {item.outcome.upper()}" for item in found if item.outcome != Outcome.PASS]
    return against


def gates_refusal(
    grant: Grant | None, version: Version, environment: str, operators: Sequence[str]
) -> NotAllowedError | None:
    """The refusal of an approver whose gates are not green, or None where they are."""
    against = gates_against(grant, version)
    if grant is None or not against:
        return None
    named = "every gate passes" if grant.gates is None else f"{', '.join(grant.gates)} pass"
    return NotAllowedError(
        f"{grant.person} is approver in {environment}, and may promote only where {named}: {'; '.join(against)}",
        where=version.reference,
        hint=f'"{Right.FORCE}" takes operator; in {environment} that is {", ".join(operators[:5]) or "nobody"}',
    )


def undo_right(names: Mapping[Alias, int], to: Mapping[Alias, int], back: Version | None) -> tuple[Right, bool]:
    """The right that taking an act back needs, and whether it makes a champion as a promotion does.

    `names` are as they are now, `to` as they will be, and `back` is the version that becomes champion, if one does.
    Going back to the previous champion is a rollback; naming any other is a promotion, with all that one asks.
    """
    if back is not None and back.number != names.get(Alias.PREVIOUS):
        green = back.standing is VersionState.ACCEPTED and back.state is not VersionState.REJECTED
        return (Right.PROMOTE if green else Right.FORCE), True
    if back is None and Alias.CHALLENGER in to and to[Alias.CHALLENGER] != names.get(Alias.CHALLENGER):
        return Right.OPERATE, False
    return Right.DEMOTE, False
