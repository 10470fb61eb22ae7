"""Rollouts as screens and commands show them: one row each, and one in full with its looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from quarterdeck.console.queries.values_schedule import LookRow, RolloutRow, RolloutStory
from quarterdeck.core.duel import DuelVerdict
from quarterdeck.core.rollout import COMPARED, Rollout, RolloutState, step_text
from quarterdeck.store import analyses, duels, rollouts
from quarterdeck.store.analyses import Analysis

# how a state is said before the step it stands at
_SAID = {RolloutState.PAUSED: "paused", RolloutState.WAITING: "waits", RolloutState.BAKING: "promoted"}


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutDetail:
    """One in full: its steps in order, which of them it stands at, its newest looks first, and the comparison."""

    row: RolloutRow
    steps: tuple[str, ...]
    at: int
    looks: Sequence[Analysis]
    verdict: DuelVerdict | None


def page(tx: Connection, environment: str, *, model: str | None = None, limit: int = 50) -> list[RolloutRow]:
    """The newest first."""
    return [row_of(tx, found) for found in rollouts.page(tx, environment, model=model, limit=limit)]


def going(tx: Connection, environment: str) -> dict[str, RolloutRow]:
    """The rollouts that go on now, by model."""
    return {found.model: row_of(tx, found) for found in rollouts.open_ones(tx, environment)}


def detail(tx: Connection, rollout: Rollout, *, looks: int = 20) -> RolloutDetail:
    return RolloutDetail(
        row=row_of(tx, rollout),
        steps=tuple(str(step) for step in rollout.steps),
        at=rollout.step,
        looks=analyses.of_rollout(tx, rollout.id, limit=looks),
        verdict=_verdict(tx, rollout),
    )


def story(tx: Connection, rollout: Rollout, *, looks: int = 20) -> RolloutStory:
    """The same for the screens."""
    found = detail(tx, rollout, looks=looks)
    told = tuple(LookRow(at=look.at, outcome=look.outcome.value, reason=look.reason) for look in found.looks)
    return RolloutStory(row=found.row, steps=found.steps, at=found.at, looks=told)


def row_of(tx: Connection, rollout: Rollout) -> RolloutRow:
    step = step_text(rollout)
    if rollout.open and rollout.current.kind in COMPARED:
        verdict = _verdict(tx, rollout)
        step += f", {0 if verdict is None else verdict.n} of {rollout.spec.maximum_labels} labels"
    return RolloutRow(
        id=rollout.id,
        model=rollout.model,
        version=rollout.version,
        champion=rollout.champion,
        strategy=rollout.spec.strategy.value,
        state=rollout.state,
        open=rollout.open,
        step=step,
        work=_work(rollout, step),
        since=rollout.step_since,
        reason=rollout.reason,
        started_by=rollout.started_by,
        started_at=rollout.started_at,
        ended_at=rollout.ended_at,
    )


def _work(rollout: Rollout, step: str) -> str:
    if not rollout.open:
        return ""
    said = _SAID.get(rollout.state)
    return step if said is None else f"{said}: {step}"


def _verdict(tx: Connection, rollout: Rollout) -> DuelVerdict | None:
    if rollout.champion is None:
        return None
    found = duels.find(tx, rollout.environment, rollout.model, rollout.champion, rollout.version)
    return None if found is None else DuelVerdict.from_json(found.verdict)
