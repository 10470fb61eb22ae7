"""Rollouts in the store: what is live and the rollout's row change together, in the caller's one transaction.

A rollout is written only as it was seen: apply() refuses where it has changed since, so that a daemon and a person
who act at once do not undo each other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, update

from quarterdeck.core.errors import ConflictError, NotFoundError, RefusedError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import RolloutSpec
from quarterdeck.core.notices import EventType
from quarterdeck.core.rollout import SEEN, TRAFFIC, Progress, Rollout, RolloutState, StepKind, move, step_text, steps_of
from quarterdeck.core.rollout_looks import Look
from quarterdeck.core.rollout_moves import Act, Move, advance, reconcile
from quarterdeck.core.rollout_spec import spec_json, spec_of
from quarterdeck.core.values import Alias, Severity, VersionState
from quarterdeck.store import analyses, approvals, ledger, promotion, registry, splits
from quarterdeck.store.notifications import notify
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import AliasRow, RolloutRow

_rollout = table(RolloutRow)
_alias = table(AliasRow)
_PAIR = (Alias.CHAMPION.value, Alias.CHALLENGER.value)
OPEN = tuple(state.value for state in RolloutState if not state.ended)

# States whose beginning is an act of its own in the ledger; promotions and withdrawals are entries already.
_NOTED = {RolloutState.PAUSED: "pause_rollout", RolloutState.ABORTED: "abort_rollout"}

# The states that receivers outside hear of.
_TOLD = {
    RolloutState.PAUSED: EventType.ROLLOUT_PAUSED,
    RolloutState.ROLLED_BACK: EventType.ROLLOUT_ROLLED_BACK,
    RolloutState.ABORTED: EventType.ROLLOUT_ABORTED,
}


def begin(tx: Connection, model: str, version: int, spec: RolloutSpec, audit: Audit) -> Rollout:
    """Start a rollout of a version: it becomes challenger with the first step's share, where that has traffic.

    An open rollout of the model ends: this one takes its place. Refused for the champion, and for versions that may
    not challenge.
    """
    environment = audit.environment or ""
    names = registry.aliases(tx, model, environment)
    if names.get(Alias.CHAMPION) == version:
        raise RefusedError("it is the champion already", where=f"{model}@{version}")
    if registry.get(tx, model, version).state in (VersionState.RETIRED, VersionState.REJECTED):
        raise RefusedError(f"it is {registry.get(tx, model, version).state}", where=f"{model}@{version}")
    if Alias.CHAMPION not in names and any(step.kind in SEEN for step in steps_of(spec)):
        hint = 'promote the first champion by hand, or with strategy "direct"'
        raise RefusedError(f"{model} has no champion to be measured against", where=f"{model}@{version}", hint=hint)
    superseded = _supersede(tx, model, version, audit)
    rollout = _insert(tx, model, version, names.get(Alias.CHAMPION), spec, audit)
    steps = [str(step) for step in steps_of(spec)]
    after = {"rollout": rollout.id, "strategy": spec.strategy.value, "steps": steps}
    ledger.append(tx, audit.adding(spec=spec_json(spec)), act="start_rollout", subject=rollout.reference, after=after)
    if rollout.current.kind in TRAFFIC:
        if names.get(Alias.CHALLENGER) != version:
            promotion.challenge(tx, model, version, audit.adding(rollout=rollout.id))
        enforce(tx, rollout, audit)
    elif superseded is not None and names.get(Alias.CHALLENGER) == superseded.version:
        promotion.withdraw(tx, model, audit.adding(rollout=rollout.id), saw_challenger=superseded.version)
    return rollout


def adopt(tx: Connection, model: str, spec: RolloutSpec, audit: Audit) -> Rollout:
    """A rollout for a challenger that has none: named by hand, or by an older version. It begins where it is."""
    names = registry.aliases(tx, model, audit.environment or "")
    return begin(tx, model, names[Alias.CHALLENGER], spec, audit)


def enforce(tx: Connection, rollout: Rollout, audit: Audit) -> bool:
    """Give the challenger the share of the rollout's step, where it has another one; True if it had."""
    if is_enforced(tx, rollout):
        return False
    step = rollout.current
    evidence = audit.adding(rollout=rollout.id, step=str(step))
    promotion.split(tx, rollout.model, evidence, version=rollout.version, weight=step.weight, shadow=step.shadow)
    return True


def is_enforced(tx: Connection, rollout: Rollout) -> bool:
    """Whether the traffic is split as the rollout's step says; a step without a challenger says nothing."""
    step = rollout.current
    if step.kind not in TRAFFIC or not rollout.open:
        return True
    found = splits.find(tx, rollout.environment, rollout.model)
    share = (0.0, True) if found is None else (found.weight, found.shadow)  # no split: in shadow
    return share == (step.weight, step.shadow)


def apply(tx: Connection, seen: Rollout, wanted: Move, audit: Audit, look: Look | None = None) -> Rollout:
    """Make a move: the traffic, the row, the look that led to it, and the ledger. ConflictError if `seen` is old."""
    found = get(tx, seen.id)
    if found != seen:
        raise ConflictError(f"rollout {seen.id} has changed: it is {found.state}", hint="look again and decide again")
    after = wanted.rollout
    if look is not None:
        analyses.add(tx, seen, look)
    _act(tx, seen, wanted, replace(audit, reason=audit.reason or after.reason).adding(rollout=seen.id))
    if after != seen:
        _save(tx, after)
        _note(tx, seen, after, audit)
    return after


def settle(tx: Connection, rollout: Rollout, audit: Audit) -> Rollout:
    """Make the move that needs no look and no label, in the caller's transaction: a direct rollout is promoted."""
    names = registry.aliases(tx, rollout.model, rollout.environment)
    missing = approvals.missing(tx, rollout.model, rollout.version, rollout.environment, rollout.spec.approvals)
    return apply(tx, rollout, advance(rollout, aliases=names, now=audit.at, approvals_missing=missing), audit)


def reconcile_with(tx: Connection, model: str, audit: Audit) -> None:
    """End the model's rollout where an act of a person, in this transaction, has moved the names under it."""
    found = open_of(tx, audit.environment or "", model)
    if found is None:
        return
    now = max(audit.at, found.updated_at)
    ended = reconcile(found, registry.aliases(tx, model, found.environment), now=now)
    if ended is not None:
        apply(tx, found, ended, replace(audit, reason=ended.rollout.reason))


def get(tx: Connection, number: int) -> Rollout:
    row = tx.execute(select(_rollout).where(_rollout.c.id == number)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no rollout {number}", hint="`quarterdeck rollout list` shows them")
    return _to_rollout(row)


def open_of(tx: Connection, environment: str, model: str) -> Rollout | None:
    """The rollout of a model that goes on now; there is at most one."""
    query = select(_rollout).where(_here(environment), _rollout.c.model == model, _rollout.c.state.in_(OPEN))
    row = tx.execute(query.order_by(_rollout.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _to_rollout(row)


def open_ones(tx: Connection, environment: str) -> list[Rollout]:
    """Every rollout that goes on, the oldest first."""
    query = select(_rollout).where(_here(environment), _rollout.c.state.in_(OPEN)).order_by(_rollout.c.id)
    return [_to_rollout(row) for row in tx.execute(query)]


def find(tx: Connection, environment: str, which: str) -> Rollout:
    """By its number, or by its model: the one that goes on, else the last. NotFoundError where there is none."""
    if which.isdigit() and len(which) < 10:
        found = get(tx, int(which))
        if found.environment != environment:
            raise NotFoundError(f"rollout {which} is of {found.environment}", hint=f"this is {environment}")
        return found
    going = open_of(tx, environment, which)
    last = page(tx, environment, model=which, limit=1)
    if going is None and not last:
        hint = "`quarterdeck rollout list` shows them"
        raise NotFoundError(f"{which} has had no rollout in {environment}", hint=hint)
    return going or last[0]


def page(
    tx: Connection, environment: str, *, model: str | None = None, limit: int = 50, offset: int = 0
) -> list[Rollout]:
    """The newest first."""
    query = select(_rollout).where(_here(environment)).order_by(_rollout.c.id.desc()).limit(limit).offset(offset)
    if model is not None:
        query = query.where(_rollout.c.model == model)
    return [_to_rollout(row) for row in tx.execute(query)]


def orphans(tx: Connection, environment: str) -> list[str]:
    """Models with a champion and a challenger, and no rollout that goes on."""
    named = [select(_alias.c.model).where(_alias.c.environment == environment, _alias.c.alias == a) for a in _PAIR]
    going = select(_rollout.c.model).where(_here(environment), _rollout.c.state.in_(OPEN))
    query = named[0].where(_alias.c.model.in_(named[1]), _alias.c.model.not_in(going))
    return list(tx.execute(query.order_by(_alias.c.model)).scalars())


def _supersede(tx: Connection, model: str, version: int, audit: Audit) -> Rollout | None:
    """End the open rollout, where there is one: what was promoted stays, a challenger steps back for the new one."""
    known = open_of(tx, audit.environment or "", model)
    if known is None:
        return None
    now = max(audit.at, known.updated_at)
    promoted = known.current.kind is StepKind.BAKE
    said = f"version {version} came {'before the checks after its promotion were over' if promoted else 'in its place'}"
    state = RolloutState.PROMOTED if promoted else RolloutState.ABORTED
    ended = move(known, state, now=now, reason=said)
    return apply(tx, known, Move(rollout=ended), replace(audit, reason=said))


def _insert(tx: Connection, model: str, version: int, champion: int | None, spec: RolloutSpec, audit: Audit) -> Rollout:
    values = {
        "environment": audit.environment or "",
        "model": model,
        "version": version,
        "champion": champion,
        "spec": spec_json(spec),
        "state": RolloutState.RUNNING.value,
        "step": 0,
        "step_since": audit.at,
        "progress": Progress().to_json(),
        "reason": audit.reason,
        "started_by": audit.actor,
        "started_at": audit.at,
        "updated_at": audit.at,
    }
    done = tx.execute(insert(_rollout).values(**values))
    key = done.inserted_primary_key
    assert key is not None
    return get(tx, int(key[0]))


def _act(tx: Connection, seen: Rollout, wanted: Move, audit: Audit) -> None:
    model, version = seen.model, seen.version
    if wanted.act is Act.SPLIT:
        enforce(tx, wanted.rollout, audit)
    elif wanted.act is Act.PROMOTE:
        promotion.promote(tx, model, version, audit, saw_champion=seen.champion)
    elif wanted.act is Act.WITHDRAW:
        promotion.withdraw(tx, model, audit, saw_challenger=version, lost=wanted.lost)
    elif wanted.act is Act.PUT_BACK and wanted.lost:
        promotion.demote(tx, model, audit, saw_champion=version)
        approvals.clear(tx, model, version, audit)
    elif wanted.act is Act.PUT_BACK:
        promotion.rollback(tx, model, audit, saw_champion=version)


def _note(tx: Connection, before: Rollout, after: Rollout, audit: Audit) -> None:
    """The ledger entry of a state that is an act of its own; and receivers outside hear of one that went wrong."""
    if before.state is after.state:
        return
    if after.state in _TOLD:
        data = {"rollout": after.id, "step": step_text(after), "reason": after.reason, "actor": audit.actor}
        notify(
            tx, _TOLD[after.state], after.reference, data, now=audit.at, model=after.model, severity=Severity.WARNING
        )
    act = _NOTED.get(after.state)
    if before.state is RolloutState.PAUSED and after.state in (RolloutState.RUNNING, RolloutState.BAKING):
        act = None if after.step != before.step else "resume_rollout"
    if act is None:
        return
    states = {
        name: {"rollout": rollout.id, "state": rollout.state.value, "step": step_text(rollout)}
        for name, rollout in (("before", before), ("after", after))
    }
    said = replace(audit, reason=audit.reason or after.reason)
    ledger.append(tx, said, act=act, subject=after.reference, before=states["before"], after=states["after"])


def _save(tx: Connection, rollout: Rollout) -> None:
    names = ("step", "step_since", "reason", "updated_at", "ended_at")
    values: dict[str, Any] = {name: getattr(rollout, name) for name in names}
    values |= {"state": rollout.state.value, "progress": rollout.progress.to_json()}
    tx.execute(update(_rollout).where(_rollout.c.id == rollout.id).values(**values))


def _here(environment: str) -> ColumnElement[bool]:
    return _rollout.c.environment == environment


def _to_rollout(row: Any) -> Rollout:
    return value_of(Rollout, row, spec=spec_of, state=RolloutState, progress=Progress.from_json)
