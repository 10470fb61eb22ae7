"""Champion against challenger on live traffic: both answered the same requests, and labels come in.

The evidence is always valid: it may be looked at after every label. A verdict ends the comparison: PROMOTE moves the
alias where the manifest says `promote = "auto"`, and waits for a person otherwise; REJECT takes the challenger out,
and so does a comparison that stays open for too many labels.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from quarterdeck.core.duel import DuelVerdict
from quarterdeck.core.duel_compare import compare
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import Manifest, Promotion
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Alias, Decision, Task
from quarterdeck.scheduler.state import State
from quarterdeck.store import duels, promotion, registry, traffic_queries
from quarterdeck.store.traffic_queries import Pair

log = logging.getLogger(__name__)

ACTOR = "daemon"
PATH_LENGTH = 200  # looks that are kept for the plot; when there are more, every other one goes


class Duels:
    """Keeps every comparison up to date, and acts on its verdict as the manifest allows."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._labels: dict[str, int] = {}  # how many labels a model had when last compared

    def tick(self, manifests: Mapping[str, Manifest], now: datetime) -> None:
        for model, manifest in manifests.items():
            with self._state.database.read() as tx:
                aliases = registry.aliases(tx, model, self._state.environment)
                if Alias.CHAMPION not in aliases or Alias.CHALLENGER not in aliases:
                    self._labels.pop(model, None)
                    continue
                champion = registry.get(tx, model, aliases[Alias.CHAMPION])
                challenger = registry.get(tx, model, aliases[Alias.CHALLENGER])
            self._look(manifest, champion, challenger, now)

    def _look(self, manifest: Manifest, champion: Version, challenger: Version, now: datetime) -> None:
        with self._state.traffic.read() as tx:
            labels = traffic_queries.label_count(tx, manifest.name)
            if self._labels.get(manifest.name) == labels:
                return
            pairs = traffic_queries.pairs(tx, manifest.name, champion.number, challenger.number)
        self._labels[manifest.name] = labels
        verdict = judge(manifest, champion, pairs)
        duel = duels.Duel(
            environment=self._state.environment,
            model=manifest.name,
            champion=champion.number,
            challenger=challenger.number,
            started_at=now,
            updated_at=now,
            decision=verdict.decision,
            verdict=verdict.to_json(),
            path=self._path(manifest.name, champion, challenger, verdict),
        )
        with self._state.database.write() as tx:
            duels.put(tx, duel)
            self._act(tx, manifest, duel, verdict, now)

    def _path(self, model: str, champion: Version, challenger: Version, verdict: DuelVerdict) -> list[list[float]]:
        """The evidence at each look so far and now: [n, e-value, difference, low, high]."""
        with self._state.database.read() as tx:
            known = duels.find(tx, self._state.environment, model, champion.number, challenger.number)
        path = [] if known is None else known.path
        if verdict.difference is None or verdict.interval is None:
            return path
        path = [*path, [verdict.n, verdict.e_value, verdict.difference, *verdict.interval]]
        return path if len(path) <= PATH_LENGTH else path[::2] + path[-1:]

    def _act(self, tx: Any, manifest: Manifest, duel: duels.Duel, verdict: DuelVerdict, now: datetime) -> None:
        reason = "; ".join(verdict.reasons)
        evidence = {"duel": verdict.to_json()}
        audit = Audit(actor=ACTOR, environment=self._state.environment, at=now, reason=reason, evidence=evidence)
        if verdict.decision is Decision.REJECT:
            promotion.withdraw(tx, duel.model, audit, saw_challenger=duel.challenger, lost=True)
            log.info("%s: challenger %s lost: %s", duel.model, duel.challenger, reason)
        elif verdict.decision is Decision.PROMOTE and manifest.rollout.promote is Promotion.AUTO:
            promotion.promote(tx, duel.model, duel.challenger, audit, saw_champion=duel.champion)
            log.info("%s: challenger %s is champion: %s", duel.model, duel.challenger, reason)
        elif verdict.decision is Decision.HOLD and verdict.n >= manifest.rollout.maximum_labels:
            undecided = f"undecided after {verdict.n} labels, so the champion stays; {reason}"
            promotion.withdraw(tx, duel.model, replace(audit, reason=undecided), saw_challenger=duel.challenger)
            log.info("%s: challenger %s: %s", duel.model, duel.challenger, undecided)


def judge(manifest: Manifest, champion: Version, pairs: list[Pair]) -> DuelVerdict:
    """The verdict on labelled pairs, in the order their labels came."""
    multiclass = champion.signature.task is Task.MULTICLASS
    ours: list[Any] = [json.loads(p.champion_probabilities or "[]") if multiclass else p.champion for p in pairs]
    theirs: list[Any] = [json.loads(p.challenger_probabilities or "[]") if multiclass else p.challenger for p in pairs]
    return compare(
        champion.signature.task,
        [json.loads(pair.label) for pair in pairs],
        ours,
        theirs,
        classes=champion.signature.classes,
        alpha=manifest.rollout.alpha,
        minimum_labels=manifest.rollout.minimum_labels,
    )
