"""Champion and challenger side by side: what both measure, the difference, and the evidence over time."""

from __future__ import annotations

from sqlalchemy import Connection

from quarterdeck.console.queries.common import aliases_of
from quarterdeck.console.queries.questions import AskDuels
from quarterdeck.console.queries.values_duel import Compared, DuelDetail, DuelPoint, DuelRow, Duels
from quarterdeck.core.duel import DuelVerdict
from quarterdeck.core.metrics.families import direction
from quarterdeck.core.registry import Version
from quarterdeck.core.rollout import step_text
from quarterdeck.core.values import Direction, Outcome
from quarterdeck.store import duels, registry, rollouts
from quarterdeck.store.duels import Duel

# a row's loss, and the metric that is its mean
MEAN_OF = {"absolute_error": "mean_absolute_error", "squared_error": "mean_squared_error"}


def screen(tx: Connection, environment: str, asked: AskDuels) -> Duels:
    """The comparisons that go on first, then the newest. Without a selection, the first one in full."""
    found = duels.latest(tx, environment)
    rows = [(_row(tx, duel), duel) for duel in found]
    rows.sort(key=lambda pair: not pair[0].running)
    chosen = next((pair for pair in rows if pair[0].id == asked.selected), None)
    if chosen is None and asked.model:
        chosen = next((pair for pair in rows if pair[0].model == asked.model), None)
    chosen = chosen or next(iter(rows), None)
    return Duels(
        duels=tuple(row for row, _ in rows),
        detail=None if chosen is None else _detail(tx, chosen[0], chosen[1]),
    )


def every(tx: Connection, environment: str, *, limit: int = 50) -> list[DuelRow]:
    """The newest comparisons, those that go on first."""
    rows = [_row(tx, duel) for duel in duels.latest(tx, environment, limit=limit)]
    return sorted(rows, key=lambda row: not row.running)


def find(tx: Connection, environment: str, model: str) -> tuple[Duel, DuelDetail] | None:
    """The comparison of a model that goes on, or its last; None if it never had one."""
    found = [(duel, _row(tx, duel)) for duel in duels.latest(tx, environment, model)]
    if not found:
        return None
    duel, row = next((pair for pair in found if pair[1].running), found[0])
    return duel, _detail(tx, row, duel)


def _row(tx: Connection, duel: Duel) -> DuelRow:
    aliases = aliases_of(tx, duel.model, duel.environment)
    verdict = DuelVerdict.from_json(duel.verdict)
    return DuelRow(
        model=duel.model,
        champion=duel.champion,
        challenger=duel.challenger,
        running=(aliases.champion, aliases.challenger) == (duel.champion, duel.challenger),
        decision=duel.decision,
        n=verdict.n,
        e_value=verdict.e_value,
        needed=verdict.needed,
        started_at=duel.started_at,
        updated_at=duel.updated_at,
        aliases=aliases,
    )


def _detail(tx: Connection, row: DuelRow, duel: Duel) -> DuelDetail:
    champion = registry.get(tx, duel.model, duel.champion)
    challenger = registry.get(tx, duel.model, duel.challenger)
    verdict = DuelVerdict.from_json(duel.verdict)
    return DuelDetail(
        row=row,
        compared=(*_live(verdict), *_offline(champion, challenger)),
        path=tuple(DuelPoint(n=int(p[0]), e_value=p[1], difference=p[2], low=p[3], high=p[4]) for p in duel.path),
        p_value=verdict.p_value,
        rows_needed=verdict.rows_needed,
        reasons=verdict.reasons,
        gates_passed=sum(result.outcome is Outcome.PASS for result in challenger.verdicts),
        gates=len(challenger.verdicts),
        mode=verdict.mode,
        champion_side=verdict.champion_side,
        challenger_side=verdict.challenger_side,
        kpis=verdict.kpis,
        slices=verdict.slices,
        slices_looked=verdict.slices_looked,
        rollout=_rollout(tx, duel),
    )


def _rollout(tx: Connection, duel: Duel) -> str:
    """Where the challenger's rollout stands: "canary 25 %, look 2 of 5 (running)"."""
    found = rollouts.open_of(tx, duel.environment, duel.model)
    return "" if found is None or found.version != duel.challenger else f"{step_text(found)} ({found.state})"


def _live(verdict: DuelVerdict) -> tuple[Compared, ...]:
    """The loss that the evidence is about, with its interval, then what else both measure on those rows."""
    loss = MEAN_OF.get(verdict.loss, verdict.loss)
    names = sorted(set(verdict.champion) & set(verdict.challenger) - {loss})
    low, high = verdict.interval or (None, None)
    about = Compared(
        name=loss,
        champion=verdict.champion.get(loss),
        challenger=verdict.challenger.get(loss),
        difference=verdict.difference,
        low=low,
        high=high,
        lower_is_better=True,
    )
    return (
        about,
        *(_compared(name, verdict.champion[name], verdict.challenger[name], live=True) for name in names),
    )


def _offline(champion: Version, challenger: Version) -> tuple[Compared, ...]:
    """Both versions' metrics on the rows that training held out, where both have them."""
    names = sorted(set(challenger.metrics) & set(champion.metrics))
    return tuple(_compared(name, champion.metrics[name], challenger.metrics[name], live=False) for name in names)


def _compared(name: str, champion: float, challenger: float, *, live: bool) -> Compared:
    return Compared(
        name=name,
        champion=champion,
        challenger=challenger,
        difference=challenger - champion if live else None,
        lower_is_better=direction(name) is Direction.LOWER,
        live=live,
    )
