"""Champion and challenger side by side: what both measure, the difference, and the evidence over time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from quarterdeck.console.queries.common import aliases_of
from quarterdeck.console.queries.values import AskDuels, Compared, DuelDetail, DuelPoint, DuelRow, Duels
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Outcome
from quarterdeck.store import duels, registry
from quarterdeck.store.duels import Duel


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
        duels=tuple(row for row, _ in rows), detail=None if chosen is None else _detail(tx, chosen[0], chosen[1])
    )


def _row(tx: Connection, duel: Duel) -> DuelRow:
    aliases = aliases_of(tx, duel.model, duel.environment)
    verdict = duel.verdict
    return DuelRow(
        model=duel.model,
        champion=duel.champion,
        challenger=duel.challenger,
        running=(aliases.champion, aliases.challenger) == (duel.champion, duel.challenger),
        decision=duel.decision,
        n=int(verdict.get("n") or 0),
        e_value=verdict.get("e_value"),
        needed=verdict.get("needed"),
        started_at=duel.started_at,
        updated_at=duel.updated_at,
        aliases=aliases,
    )


def _detail(tx: Connection, row: DuelRow, duel: Duel) -> DuelDetail:
    champion = registry.get(tx, duel.model, duel.champion)
    challenger = registry.get(tx, duel.model, duel.challenger)
    return DuelDetail(
        row=row,
        compared=(*_live(duel.verdict), *_offline(champion, challenger)),
        path=tuple(DuelPoint(n=int(p[0]), e_value=p[1], difference=p[2], low=p[3], high=p[4]) for p in duel.path),
        reason="; ".join(duel.verdict.get("reasons") or ()),
        gates_passed=sum(result.outcome is Outcome.PASS for result in challenger.verdicts),
        gates=len(challenger.verdicts),
    )


def _live(verdict: dict[str, Any]) -> tuple[Compared, ...]:
    """The measure that the comparison is about."""
    if verdict.get("champion") is None or verdict.get("challenger") is None:
        return ()
    return (
        Compared(
            name=str(verdict.get("metric", "loss")),
            champion=verdict["champion"],
            challenger=verdict["challenger"],
            difference=verdict.get("difference"),
            low=verdict.get("low"),
            high=verdict.get("high"),
            lower_is_better=_lower_is_better(str(verdict.get("metric", "loss"))),
        ),
    )


def _offline(champion: Version, challenger: Version) -> tuple[Compared, ...]:
    """Both versions' metrics on the rows that training held out, where both have them."""
    names = [name for name in challenger.metrics if name in champion.metrics]
    return tuple(
        Compared(
            name=name,
            champion=champion.metrics[name],
            challenger=challenger.metrics[name],
            difference=challenger.metrics[name] - champion.metrics[name],
            lower_is_better=_lower_is_better(name),
            live=False,
        )
        for name in sorted(names)
    )


def _lower_is_better(name: str) -> bool:
    """By the names' rule: `_error` and `_loss` are lower, `_score` is higher."""
    return not name.endswith("_score")
