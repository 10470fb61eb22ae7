"""The acts that move aliases: promote, roll back, demote, challenge, withdraw, split the traffic, undo.

Every act is one transaction with one ledger entry. An alias moves by compare-and-set: the caller says what it saw,
and the act is refused if that has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, update

from quarterdeck.core.errors import ConflictError, NotFoundError, RefusedError
from quarterdeck.core.ledger import ALIAS_ACTS, Audit, Entry
from quarterdeck.core.notices import EventType
from quarterdeck.core.registry import Version, check_promotable, check_rollback
from quarterdeck.core.values import Alias, Severity, VersionState
from quarterdeck.store import ledger, splits
from quarterdeck.store.notifications import notify
from quarterdeck.store.registry import aliases, get, set_state, settle_states
from quarterdeck.store.rows import table
from quarterdeck.store.tables import AliasRow

_alias = table(AliasRow)
_ONE = (
    _alias.c.environment == bindparam("where"),
    _alias.c.model == bindparam("of"),
    _alias.c.alias == bindparam("name"),
)
_NAME, _MOVE, _UNNAME = insert(_alias), update(_alias).where(*_ONE), delete(_alias).where(*_ONE)

# The acts that receivers outside hear of.
_TOLD = {"promote": EventType.PROMOTED, "rollback": EventType.ROLLED_BACK, "demote": EventType.DEMOTED}

UNSEEN = -1  # for `saw_challenger`: take the challenger as it is at the time of the act


def promote(
    tx: Connection, model: str, number: int, audit: Audit, *, saw_champion: int | None, force: bool = False
) -> Version:
    """Make a version the champion; the champion becomes previous. `saw_champion` is what the caller saw (or None)."""
    version = get(tx, model, number)
    found = _unchanged(tx, model, audit, Alias.CHAMPION, saw_champion)
    champion = get(tx, model, found[Alias.CHAMPION]) if Alias.CHAMPION in found else None
    check_promotable(version, champion, force=force)
    after: dict[Alias, int] = {Alias.CHAMPION: number}
    if champion is not None:
        after[Alias.PREVIOUS] = champion.number
    if Alias.CHALLENGER in found and found[Alias.CHALLENGER] != number:
        after[Alias.CHALLENGER] = found[Alias.CHALLENGER]
    audit = audit.adding(forced=True) if force else audit
    return _move(tx, model, audit, "promote", number, found, after, known=(version, champion))[number]


def rollback(tx: Connection, model: str, audit: Audit, *, saw_champion: int | None) -> Version:
    """Make the previous champion the champion again, at once: no gate and no analysis is asked.

    What is taken out does not become `previous`: a second rollback, by habit or by somebody who was as quick, must not
    bring it back.
    """
    found = _unchanged(tx, model, audit, Alias.CHAMPION, saw_champion)
    previous = rollback_target(tx, model, audit.environment or "")
    champion = get(tx, model, found[Alias.CHAMPION]) if Alias.CHAMPION in found else None
    after: dict[Alias, int] = {alias: number for alias, number in found.items() if alias is not Alias.PREVIOUS}
    after[Alias.CHAMPION] = previous.number
    if after.get(Alias.CHALLENGER) == previous.number:
        del after[Alias.CHALLENGER]
    return _move(tx, model, audit, "rollback", previous.number, found, after, known=(previous, champion))[
        previous.number
    ]


def rollback_target(tx: Connection, model: str, environment: str) -> Version:
    """The version that a rollback makes champion. RefusedError where there is none, ConflictError after a rollback."""
    names = aliases(tx, model, environment)
    champion, previous = names.get(Alias.CHAMPION), names.get(Alias.PREVIOUS)
    if previous is None:
        last = next(iter(ledger.of_model(tx, model, environment, acts=ALIAS_ACTS, limit=1)), None)
        if last is not None and last.act == "rollback":
            raise ConflictError(
                f"it was rolled back already, to {last.subject}, by {last.actor} at {last.at:%Y-%m-%d %H:%M:%S} UTC: "
                f"{last.reason or 'no reason given'}",
                where=model,
                hint=f"`quarterdeck model undo {last.seq}` takes that back; `model promote` names any other version",
            )
    return check_rollback(
        None if champion is None else get(tx, model, champion),
        None if previous is None else get(tx, model, previous),
        model=model,
    )


def demote(tx: Connection, model: str, audit: Audit, *, saw_champion: int) -> Version | None:
    """Reject the champion for cause. The previous one answers again; without one nobody does, and None is given."""
    found = _unchanged(tx, model, audit, Alias.CHAMPION, saw_champion)
    after: dict[Alias, int] = {
        alias: number for alias, number in found.items() if number != saw_champion and alias is not Alias.PREVIOUS
    }
    if Alias.PREVIOUS in found and found[Alias.PREVIOUS] != saw_champion:
        after[Alias.CHAMPION] = found[Alias.PREVIOUS]
        if after.get(Alias.CHALLENGER) == after[Alias.CHAMPION]:
            del after[Alias.CHALLENGER]
    moved = _move(tx, model, audit, "demote", saw_champion, found, after, {saw_champion: VersionState.REJECTED})
    return moved[after[Alias.CHAMPION]] if Alias.CHAMPION in after else None


def challenge(tx: Connection, model: str, number: int, audit: Audit, *, saw_challenger: int | None = UNSEEN) -> Version:
    """Let a version answer in shadow beside the champion; another challenger steps back."""
    found = _unchanged(tx, model, audit, Alias.CHALLENGER, saw_challenger)
    for alias in (Alias.CHAMPION, Alias.PREVIOUS):  # the previous one is kept for a rollback
        if found.get(alias) == number:
            raise RefusedError(f"it is {alias}", where=f"{model}@{number}")
    version = get(tx, model, number)
    if version.state is VersionState.REJECTED:
        hint = "promote it with --force and a reason if you are sure of it"
        raise RefusedError("it was rejected, and is not tried on live traffic", where=f"{model}@{number}", hint=hint)
    after = found | {Alias.CHALLENGER: number}
    return _move(tx, model, audit, "challenge", number, found, after, known=(version,))[number]


def withdraw(
    tx: Connection, model: str, audit: Audit, *, saw_challenger: int | None = UNSEEN, lost: bool = False
) -> None:
    """Take the challenger out of the traffic: the comparison ended without a promotion, or it `lost`."""
    found = _unchanged(tx, model, audit, Alias.CHALLENGER, saw_challenger)
    if Alias.CHALLENGER not in found:
        raise NotFoundError(f"{model} has no challenger in {audit.environment}")
    number = found[Alias.CHALLENGER]
    after: dict[Alias, int] = {alias: version for alias, version in found.items() if alias is not Alias.CHALLENGER}
    _move(tx, model, audit, "withdraw", number, found, after, {number: VersionState.REJECTED} if lost else {})


def split(tx: Connection, model: str, audit: Audit, *, version: int, weight: float, shadow: bool) -> None:
    """Give the challenger a share of the clients' requests: `weight` percent; the rest in shadow if `shadow`.

    Raises ConflictError if another version, or none, is the challenger now.
    """
    _unchanged(tx, model, audit, Alias.CHALLENGER, version)
    if not 0 <= weight <= 100:
        raise RefusedError(f"{weight:g} is no share of the traffic", hint="from 0 to 100 percent")
    environment = audit.environment or ""
    before = splits.find(tx, environment, model)
    after = {"version": version, "weight": weight, "shadow": shadow}
    entry = ledger.append(
        tx,
        audit,
        act="split",
        subject=f"{model}@{version}",
        before=None if before is None else before.to_json(),
        after=after,
    )
    splits.put(tx, environment, model, version=version, weight=weight, shadow=shadow, at=audit.at, entry=entry.seq)


def undo(tx: Connection, seq: int, audit: Audit) -> str:
    """Make the inverse of an entry, as a new entry: names go back to where they were before it; gives what it undid.

    Refused for entries that changed nothing that can be taken back; ConflictError where later acts have changed the
    same names since.
    """
    entry = ledger.get(tx, seq)
    model, _, number = entry.subject.partition("@")
    if entry.environment != audit.environment:
        raise RefusedError(f"entry {seq} is of {entry.environment}", hint=f"this is {audit.environment}")
    audit = audit.adding(undoes=seq)
    if entry.act == "retire":
        _unretire(tx, model, int(number), VersionState(entry.before["state"]), audit)
    elif entry.act in ALIAS_ACTS:
        _nothing_since(tx, entry, model)
        _take_back(tx, seq, model, int(number), _named(entry.before), _named(entry.after), entry.evidence, audit)
    else:
        acts = ", ".join((*ALIAS_ACTS, "retire"))
        raise RefusedError(f"{entry.act} cannot be undone", where=f"entry {seq}", hint=f"these can: {acts}")
    return f"{entry.act} {entry.subject}"


def _nothing_since(tx: Connection, entry: Entry, model: str) -> None:
    """ConflictError where an act on the same names came later and was not itself taken back.

    That the names are as they were is not enough: they may have gone and come again, for reasons of their own.
    """
    later = ledger.of_model(tx, model, entry.environment or "", acts=ALIAS_ACTS, after=entry.seq)
    undone = {item.evidence.get("undoes") for item in later}
    standing = [item for item in later if item.act != "undo" and item.seq not in undone]
    if standing:
        last = standing[0]
        raise ConflictError(
            f"{model} has changed since entry {entry.seq}: {last.act} {last.subject} by {last.actor}, entry {last.seq}",
            hint="undo the later entries first, the newest before the others",
        )


def _unretire(tx: Connection, model: str, number: int, to: VersionState, audit: Audit) -> None:
    version = get(tx, model, number)
    if version.state is not VersionState.RETIRED:
        raise ConflictError("it is not retired any more", where=version.reference)
    states = {"before": {"state": version.state.value}, "after": {"state": to.value}}
    ledger.append(tx, audit, act="unretire", subject=version.reference, **states)
    set_state(tx, version, to)


def _take_back(
    tx: Connection,
    seq: int,
    model: str,
    number: int,
    before: dict[Alias, int],
    after: dict[Alias, int],
    evidence: Mapping[str, Any],
    audit: Audit,
) -> None:
    found = aliases(tx, model, audit.environment or "")
    if found != after:
        now, then = _in_words(found), _in_words(after)
        message = f"{model} has changed since entry {seq}: it is {now}, and was {then}"
        raise ConflictError(message, hint="undo the later entries first, the newest before the others")
    standings = {int(key): VersionState(state) for key, state in evidence.get("states", {}).items()}
    _move(tx, model, audit, "undo", number, found, before, standings)


def _unchanged(tx: Connection, model: str, audit: Audit, alias: Alias, saw: int | None) -> dict[Alias, int]:
    """The names as they are; ConflictError if `alias` is not where the caller saw it."""
    found = aliases(tx, model, audit.environment or "")
    if saw not in (found.get(alias), UNSEEN):
        raise ConflictError(
            f"the {alias} of {model} in {audit.environment} is {_name(found.get(alias))}, not {_name(saw)} as you "
            "saw it",
            hint="look again and decide again",
        )
    return found


def _move(
    tx: Connection,
    model: str,
    audit: Audit,
    act: str,
    subject: int,
    before: Mapping[Alias, int],
    after: Mapping[Alias, int],
    standings: Mapping[int, VersionState] | None = None,
    *,
    known: Iterable[Version | None] = (),
) -> dict[int, Version]:
    """Write the names and states that differ, and the one ledger entry with the states as they were, for undo.

    Gives the versions that bore or bear a name, as they are after it; `known` are some of them as they are before it.
    """
    environment = audit.environment or ""
    read = {version.number: version for version in known if version is not None}
    named = sorted({*before.values(), *after.values()})
    touched = {number: read[number] if number in read else get(tx, model, number) for number in named}
    audit = audit.adding(states={str(number): version.state.value for number, version in touched.items()})
    noted = {"before": _plain(before), "after": _plain(after)}
    entry = ledger.append(tx, audit, act=act, subject=f"{model}@{subject}", **noted)
    if act in _TOLD:
        severity = Severity.INFO if act == "promote" else Severity.WARNING
        said = {"environment": environment, "actor": audit.actor, "reason": audit.reason, "entry": entry.seq, **noted}
        notify(tx, _TOLD[act], f"{model}@{subject}", said, now=audit.at, model=model, severity=severity)
    changed = [alias for alias in Alias if before.get(alias) != after.get(alias)]
    key = {"environment": environment, "model": model}
    for alias in changed:
        if alias in after:
            row = {"version": after[alias], "changed_at": audit.at, "ledger_seq": entry.seq}
            statement = _MOVE if alias in before else _NAME
            tx.execute(statement, _bound(key, alias) | row if alias in before else key | {"alias": alias.value} | row)
        else:
            tx.execute(_UNNAME, _bound(key, alias))
    if before.get(Alias.CHALLENGER) != after.get(Alias.CHALLENGER):
        splits.clear(tx, environment, model)  # a share was given to one challenger, not to the next
    return settle_states(tx, model, touched, standings or {})


def _bound(key: Mapping[str, str], alias: Alias) -> dict[str, Any]:
    return {"where": key["environment"], "of": key["model"], "name": alias.value}


def _named(noted: Any) -> dict[Alias, int]:
    return {Alias(alias): int(number) for alias, number in noted.items()}


def _plain(found: Mapping[Alias, int]) -> dict[str, Any]:
    return {alias.value: number for alias, number in sorted(found.items())}


def _in_words(found: Mapping[Alias, int]) -> str:
    return ", ".join(f"{alias} {number}" for alias, number in sorted(found.items())) or "without names"


def _name(number: int | None) -> str:
    return "none" if number is None else f"version {number}"
