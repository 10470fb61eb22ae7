"""Rollouts go on: each tick holds every open one against the names, the traffic and the evidence, and moves it.

All that is known is in the store, and each move is one transaction: a daemon that was killed at any moment finds the
rollout before the move or after it, and goes on from there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.core.duel import DuelVerdict
from quarterdeck.core.errors import ConflictError, RefusedError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.manifest import Manifest, RolloutSpec, Strategy
from quarterdeck.core.rollout import Rollout, RolloutState, StepKind, step_text
from quarterdeck.core.rollout_looks import Look
from quarterdeck.core.rollout_moves import Act, Move, advance, due, pause
from quarterdeck.core.rollout_spec import with_strategy
from quarterdeck.scheduler.rollout_measures import look_at
from quarterdeck.scheduler.rollout_service import ServiceRuns
from quarterdeck.scheduler.state import State
from quarterdeck.store import approvals, duels, registry, rollouts

log = logging.getLogger(__name__)

ACTOR = "daemon"


class Rollouts:
    """Moves every rollout of the environment. Holds nothing between two ticks but a process that checks a version."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._service = ServiceRuns(state)

    def close(self) -> None:
        """End a check that goes on; the next daemon begins it anew."""
        self._service.close()

    def tick(self, manifests: Mapping[str, Manifest], now: datetime) -> None:
        with self._state.database.read() as tx:
            going = rollouts.open_ones(tx, self._state.environment)
        self._service.only(going)
        for rollout in going:
            self._step(rollout, now)
        with self._state.database.read() as tx:
            orphans = rollouts.orphans(tx, self._state.environment)
        for model in orphans:
            self._adopt(model, manifests.get(model), now)

    def _step(self, rollout: Rollout, now: datetime) -> None:
        with self._state.database.read() as tx:
            aliases = registry.aliases(tx, rollout.model, rollout.environment)
            verdict = _verdict(tx, rollout)
            missing = approvals.missing(tx, rollout.model, rollout.version, rollout.environment, rollout.spec.approvals)
            enforced = rollouts.is_enforced(tx, rollout)
        look = self._look(rollout, verdict, now)
        wanted = advance(rollout, aliases=aliases, now=now, look=look, verdict=verdict, approvals_missing=missing)
        if wanted.rollout == rollout and enforced:
            return
        audit = self._audit(now, look, verdict, wanted)
        try:
            self._apply(rollout, wanted, audit, look)
        except ConflictError as error:
            log.info("rollout %s: %s", rollout.id, error)  # a person was faster: the next tick sees what they did
        except RefusedError as error:
            self._refused(rollout, error, now)

    def _look(self, rollout: Rollout, verdict: DuelVerdict | None, now: datetime) -> Look | None:
        """What is seen where a look is due; checks on the server take their time, and several ticks."""
        window = due(rollout, now)
        if window is None:
            return None
        if rollout.current.kind is StepKind.SERVICE:
            return self._service.look(rollout, now)
        return look_at(self._state, rollout, window, verdict)

    def _apply(self, rollout: Rollout, wanted: Move, audit: Audit, look: Look | None) -> None:
        with self._state.database.write() as tx:
            after = rollouts.apply(tx, rollout, wanted, audit, look)
            rollouts.enforce(tx, after, replace(audit, reason="as the rollout's step says"))
        if (after.state, after.step) != (rollout.state, rollout.step):
            log.info(
                "%s: rollout %s, %s, %s: %s", after.reference, after.id, after.state, step_text(after), after.reason
            )

    def _refused(self, rollout: Rollout, error: RefusedError, now: datetime) -> None:
        """The registry's rules do not allow the move: a person has to see why."""
        log.warning("rollout %s: %s", rollout.id, error)
        if rollout.state is RolloutState.PAUSED:
            return
        audit = Audit(actor=ACTOR, environment=rollout.environment, at=now)
        self._apply(rollout, pause(rollout, now=now, reason=str(error)), audit, None)

    def _adopt(self, model: str, manifest: Manifest | None, now: datetime) -> None:
        spec = with_strategy(RolloutSpec() if manifest is None else manifest.rollout, Strategy.SHADOW)
        reason = "the challenger was named by hand, and is compared with the champion"
        audit = Audit(actor=ACTOR, environment=self._state.environment, at=now, reason=reason)
        with self._state.database.write() as tx:
            if model in rollouts.orphans(tx, self._state.environment):
                rollouts.adopt(tx, model, spec, audit)

    def _audit(self, now: datetime, look: Look | None, verdict: DuelVerdict | None, wanted: Move) -> Audit:
        """Who and when, and what the decision stands on."""
        evidence: dict[str, Any] = {}
        if wanted.act is not Act.NONE or wanted.rollout.state is RolloutState.PAUSED:
            if look is not None:
                evidence["look"] = [measure.to_json() for measure in look.result.measures]
            if verdict is not None:
                evidence["duel"] = verdict.to_json()
        return Audit(actor=ACTOR, environment=self._state.environment, at=now, evidence=evidence)


def _verdict(tx: Connection, rollout: Rollout) -> DuelVerdict | None:
    """The comparison's, of the version with the champion that the rollout began beside."""
    if rollout.champion is None:
        return None
    found = duels.find(tx, rollout.environment, rollout.model, rollout.champion, rollout.version)
    return None if found is None else DuelVerdict.from_json(found.verdict)
