"""What a rollout does next: a pure function of the rollout, the names as they are, what was seen, and the time.

The same inputs give the same decision, so that a daemon that was killed between seeing and acting sees and decides
again. Counting follows the convention of progressive delivery: failures over their limit roll back, inconclusive looks
over theirs pause, errors of measuring in a row pause; no data moves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from quarterdeck.core.duel import DuelVerdict
from quarterdeck.core.duel_verdict import WAITING
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.manifest import Promotion
from quarterdeck.core.rollout import (
    COMPARED,
    SEEN,
    TRAFFIC,
    Progress,
    Rollout,
    RolloutState,
    StepKind,
    at_step,
    move,
)
from quarterdeck.core.rollout_looks import Look, LookOutcome
from quarterdeck.core.values import Alias, Decision

S = RolloutState
LAG = timedelta(seconds=0.5)  # the server writes its log in batches: what is younger may not all be there yet


class Act(StrEnum):
    """What happens to the traffic."""

    NONE = "none"
    SPLIT = "split"  # the challenger gets the share of the rollout's step
    PROMOTE = "promote"  # the version becomes champion
    WITHDRAW = "withdraw"  # the challenger is taken out
    PUT_BACK = "put_back"  # the previous champion answers again


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """The rollout as it is next, and what is done to the traffic for it. `lost`: the version is rejected."""

    rollout: Rollout
    act: Act = Act.NONE
    lost: bool = False


def advance(
    rollout: Rollout,
    *,
    aliases: Mapping[Alias, int],
    now: datetime,
    look: Look | None = None,
    verdict: DuelVerdict | None = None,
    approvals_missing: int = 0,
) -> Move:
    """The next move of an open rollout; the same rollout and Act.NONE where there is none.

    `look` is the analysis' newest look, if one was due; `verdict` is the comparison's, of this version with the
    champion it is measured against, where there is one. A clock that was set back counts as standing still.
    """
    if not rollout.open:
        return Move(rollout=rollout)
    now = max(now, rollout.updated_at)
    moved = reconcile(rollout, aliases, now=now)
    if moved is not None:
        return moved
    if look is not None:
        rollout = _counted(rollout, look, now)
    return (
        _failed(rollout, look, verdict, aliases, now)
        or _stopped(rollout, look, now)
        or _forward(rollout, verdict, approvals_missing, now)
        or Move(rollout=rollout)
    )


def reconcile(rollout: Rollout, aliases: Mapping[Alias, int], *, now: datetime) -> Move | None:
    """How a rollout ends where somebody moved the names since: by hand, or by another rollout. None: as expected."""
    champion, challenger = aliases.get(Alias.CHAMPION), aliases.get(Alias.CHALLENGER)
    kind = rollout.current.kind
    if kind is StepKind.BAKE:
        gone = None if champion == rollout.version else f"the champion is {_name(champion)} now"
    elif champion == rollout.version:
        return Move(rollout=move(rollout, S.PROMOTED, now=now, reason="promoted by hand"))
    elif champion != rollout.champion:
        gone = f"the champion is {_name(champion)} now, and was {_name(rollout.champion)} when it began"
    elif kind in TRAFFIC and challenger != rollout.version:
        gone = f"the challenger is {_name(challenger)} now"
    else:
        gone = None
    return None if gone is None else Move(rollout=move(rollout, S.ABORTED, now=now, reason=gone))


def due(rollout: Rollout, now: datetime) -> tuple[datetime, datetime] | None:
    """The window of wall-clock time to look at now; None where no look is due."""
    if not rollout.open or rollout.current.kind is StepKind.PROMOTE:
        return None
    if rollout.current.kind is StepKind.SERVICE:
        return _service_due(rollout, now)
    begin = rollout.step_since + rollout.spec.analysis.delay
    until = now - LAG
    if until < (rollout.progress.looked_at or begin) + rollout.spec.analysis.interval:
        return None
    return rollout.progress.since or begin, until


def _service_due(rollout: Rollout, now: datetime) -> tuple[datetime, datetime] | None:
    """At once, and where it could not be measured again after the interval; not while it is paused."""
    done = rollout.progress
    early = done.looked_at is not None and now < done.looked_at + rollout.spec.analysis.interval
    if rollout.state is not S.RUNNING or done.passes or early:
        return None
    return rollout.step_since, now


def pause(rollout: Rollout, *, now: datetime, reason: str) -> Move:
    """A person stops it where it stands: it goes on answering as it does. RefusedError where it cannot be paused."""
    if rollout.state is S.PAUSED:
        raise RefusedError(f"rollout {rollout.id} is paused already", where=rollout.reference)
    return Move(rollout=move(rollout, S.PAUSED, now=now, reason=reason))


def resume(rollout: Rollout, *, now: datetime, reason: str) -> Move:
    """The step's analysis begins anew. RefusedError where it is not paused."""
    if rollout.state is not S.PAUSED:
        raise RefusedError(f"rollout {rollout.id} is {rollout.state}, not paused", where=rollout.reference)
    state = S.BAKING if rollout.current.kind is StepKind.BAKE else S.RUNNING
    return Move(rollout=at_step(move(rollout, state, now=now, reason=reason), rollout.step, now=now))


def abort(rollout: Rollout, *, now: datetime, reason: str) -> Move:
    """A person ends it: the challenger is taken out; after the promotion the previous champion answers again."""
    ended = move(rollout, S.ABORTED, now=now, reason=reason)
    act = {StepKind.BAKE: Act.PUT_BACK, StepKind.PROMOTE: Act.NONE}.get(rollout.current.kind, Act.WITHDRAW)
    return Move(rollout=ended, act=act)


def promote_now(rollout: Rollout, *, now: datetime, reason: str) -> Move:
    """A person skips the rest of the steps. RefusedError where it is promoted already, or has ended."""
    if not rollout.open or rollout.current.kind is StepKind.BAKE:
        raise RefusedError(f"rollout {rollout.id} is {rollout.state}: there is nothing to promote")
    return _promotion(rollout, reason, now)


def _counted(rollout: Rollout, look: Look, now: datetime) -> Rollout:
    """The counters after a look. A window that could not be judged goes on; while paused only failures count."""
    done, outcome = rollout.progress, look.result.outcome
    if outcome in (LookOutcome.HOLD, LookOutcome.ERROR):
        errors = done.errors + 1 if outcome is LookOutcome.ERROR else 0
        done = replace(done, errors=errors, since=look.since, looked_at=look.until)
    else:
        going = rollout.state is not S.PAUSED
        # while it waits for a person, maybe for days, only looks in a row count
        begun = outcome is LookOutcome.PASS and rollout.state is S.WAITING
        done = Progress(
            passes=done.passes + (outcome is LookOutcome.PASS and going),
            failures=0 if begun else done.failures + (outcome is LookOutcome.FAIL),
            inconclusive=0 if begun else done.inconclusive + (outcome is LookOutcome.INCONCLUSIVE and going),
            since=look.until,
            looked_at=look.until,
        )
    reason = f"{outcome}: {look.result.reason}" if rollout.state in (S.RUNNING, S.BAKING) else rollout.reason
    return replace(rollout, progress=done, updated_at=now, reason=reason)


def _failed(
    rollout: Rollout, look: Look | None, verdict: DuelVerdict | None, aliases: Mapping[Alias, int], now: datetime
) -> Move | None:
    """Out, where the analysis failed, the comparison was lost, or it stayed undecided for too long."""
    step, spec = rollout.current, rollout.spec
    if look is not None and step.kind is StepKind.SERVICE and rollout.progress.failures:
        return _out(rollout, f"the server's checks failed: {look.result.reason}", aliases, now, lost=True)
    if look is not None and rollout.progress.failures > spec.analysis.failure_limit:
        return _out(rollout, f"the analysis of {step} failed: {look.result.reason}", aliases, now, lost=True)
    if verdict is None or step.kind not in SEEN:
        return None
    if verdict.decision is Decision.REJECT:
        return _out(rollout, "; ".join(verdict.reasons), aliases, now, lost=True)
    if step.kind in COMPARED and _undecided(verdict, spec.maximum_labels):
        reasons = "; ".join(verdict.reasons)
        undecided = f"undecided after {verdict.n} labels, so the champion stays; {reasons}"
        return _out(rollout, undecided, aliases, now, lost=False)
    return None


def _undecided(verdict: DuelVerdict, most: int) -> bool:
    """Whether the comparison has taken all labels that it may, and nothing that it asked for is on its way."""
    spent = verdict.spent or verdict.n >= most
    coming = any(kpi.problem == WAITING for kpi in verdict.kpis)
    return verdict.decision is Decision.HOLD and spent and not coming


def _out(rollout: Rollout, reason: str, aliases: Mapping[Alias, int], now: datetime, *, lost: bool) -> Move:
    if rollout.current.kind is not StepKind.BAKE:
        return Move(rollout=move(rollout, S.ROLLED_BACK, now=now, reason=reason), act=Act.WITHDRAW, lost=lost)
    if rollout.champion is not None and aliases.get(Alias.PREVIOUS) == rollout.champion:
        return Move(rollout=move(rollout, S.ROLLED_BACK, now=now, reason=reason), act=Act.PUT_BACK, lost=lost)
    said = f"{reason}; there is no previous champion to put back"
    return Move(rollout=move(rollout, S.PAUSED, now=now, reason=said))


def _stopped(rollout: Rollout, look: Look | None, now: datetime) -> Move | None:
    """Paused: stay; cannot tell, or cannot measure: pause."""
    if rollout.state is S.PAUSED:
        return Move(rollout=rollout)
    done, limits = rollout.progress, rollout.spec.analysis
    why = "" if look is None else f": {look.result.reason}"
    if done.errors > limits.consecutive_errors:
        said = f"{done.errors} looks in a row could not measure{why}"
    elif done.inconclusive > limits.inconclusive_limit:
        said = f"{done.inconclusive} looks were inconclusive{why}"
    else:
        return None
    return Move(rollout=move(rollout, S.PAUSED, now=now, reason=said))


def _forward(rollout: Rollout, verdict: DuelVerdict | None, approvals_missing: int, now: datetime) -> Move | None:
    """The next step where this one has passed; the promotion where nothing is missing for it."""
    if rollout.current.kind is StepKind.BAKE:
        return _baked(rollout, now)
    if not _passed(rollout, verdict):
        if rollout.state is not S.WAITING:
            return None
        said = "the comparison does not say PROMOTE any more"
        return Move(rollout=move(rollout, S.RUNNING, now=now, reason=said))
    direct = rollout.current.kind is StepKind.PROMOTE
    if not direct and rollout.steps[rollout.step + 1].kind in TRAFFIC:
        said = f"{rollout.current} passed"
        going = at_step(move(rollout, rollout.state, now=now, reason=said), rollout.step + 1, now=now)
        return Move(rollout=going, act=Act.SPLIT)
    missing = _missing(rollout, verdict, approvals_missing)
    if missing:
        if rollout.current.kind is StepKind.SERVICE:  # as long as it waits, it is in nobody's way
            there = at_step(rollout, rollout.step + 1, now=now)
            said = f"{_verb(there)}: {'; '.join(missing)}"
            return Move(rollout=move(there, S.WAITING, now=now, reason=said), act=Act.WITHDRAW)
        said = f"{_verb(rollout)}: {'; '.join(missing)}"
        if (rollout.state, rollout.reason) == (S.WAITING, said):
            return None
        return Move(rollout=move(rollout, S.WAITING, now=now, reason=said))
    return _promotion(rollout, _why(rollout, verdict), now)


def _passed(rollout: Rollout, verdict: DuelVerdict | None) -> bool:
    kind = rollout.current.kind
    if kind in COMPARED:
        return verdict is not None and verdict.decision is Decision.PROMOTE
    if kind is StepKind.SERVICE:
        return rollout.progress.passes > 0
    return kind is StepKind.PROMOTE or rollout.progress.passes >= rollout.spec.analysis.count


def _missing(rollout: Rollout, verdict: DuelVerdict | None, approvals_missing: int) -> list[str]:
    """What the promotion waits for."""
    found, spec = [], rollout.spec
    if spec.promote is Promotion.MANUAL:
        found.append("a person promotes it")
    if approvals_missing > 0:
        found.append(f"{approvals_missing} more {'approval' if approvals_missing == 1 else 'approvals'}")
    labels = 0 if verdict is None else verdict.n
    # one that was in shadow first has had its comparison
    if rollout.current.kind is StepKind.CANARY and not spec.shadow_first and labels < spec.minimum_labels:
        found.append(f"{labels} of {spec.minimum_labels} labels")
    return found


def _promotion(rollout: Rollout, reason: str, now: datetime) -> Move:
    place = next(index for index, step in enumerate(rollout.steps) if step.kind is StepKind.PROMOTE)
    if rollout.spec.bake is None:
        there = at_step(rollout, place, now=now)
        return Move(rollout=move(there, S.PROMOTED, now=now, reason=reason), act=Act.PROMOTE)
    there = at_step(rollout, place + 1, now=now)
    return Move(rollout=move(there, S.BAKING, now=now, reason=reason), act=Act.PROMOTE)


def _baked(rollout: Rollout, now: datetime) -> Move | None:
    """The end of the bake: its time is over, and something was measured in it."""
    bake = rollout.spec.bake
    if bake is None or now < rollout.step_since + bake or rollout.progress.passes == 0:
        return None
    return Move(rollout=move(rollout, S.PROMOTED, now=now, reason=f"{rollout.progress.passes} looks passed after it"))


def _verb(rollout: Rollout) -> str:
    return "it waits" if rollout.current.kind is StepKind.PROMOTE else f"{rollout.current} passed; it waits"


def _why(rollout: Rollout, verdict: DuelVerdict | None) -> str:
    """Why it is promoted, for the ledger."""
    if rollout.current.kind in (StepKind.PROMOTE, StepKind.SERVICE):
        checked = "" if rollout.spec.service is None else " and the server's checks"
        which = "the first champion" if rollout.champion is None else "direct rollout"
        return f"accepted by its gates{checked}; {which}"
    if verdict is not None and (rollout.current.kind in COMPARED or verdict.decision is Decision.PROMOTE):
        return "; ".join(verdict.reasons)
    return f"every step passed, the last with {rollout.progress.passes} looks"


def _name(number: int | None) -> str:
    return "nobody" if number is None else f"version {number}"
