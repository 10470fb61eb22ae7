"""A rollout: how a version that passed its gates reaches the traffic of one environment, step by step.

Here are its values: states, steps, counters. rollout_looks.py judges what was measured, rollout_moves.py says what
comes next. All that a rollout knows is in these values, and they are in the store: a process that dies takes nothing
with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from quarterdeck.core.durations import format_duration
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.manifest import RolloutSpec, Strategy
from quarterdeck.core.values import CLIENT_ARMS, Arm


class RolloutState(StrEnum):
    """Where a rollout stands."""

    RUNNING = "running"  # its step gathers evidence
    PAUSED = "paused"  # by a person, or because the analysis cannot tell: it does not go on; failures still end it
    WAITING = "waiting"  # its steps have passed; a person, an approval or labels are missing for the promotion
    BAKING = "baking"  # promoted; the checks go on against the new champion
    PROMOTED = "promoted"  # ended: the version is the champion
    ROLLED_BACK = "rolled_back"  # ended by itself: it failed, lost, or stayed undecided; the old champion answers
    ABORTED = "aborted"  # ended by a person, by another rollout, or because the names were moved by hand

    @property
    def ended(self) -> bool:
        return not TRANSITIONS[self]


S = RolloutState

TRANSITIONS: dict[RolloutState, frozenset[RolloutState]] = {
    # PROMOTED without BAKING: where the manifest asks for none.
    S.RUNNING: frozenset({S.PAUSED, S.WAITING, S.BAKING, S.PROMOTED, S.ROLLED_BACK, S.ABORTED}),
    # To RUNNING or BAKING: resumed. BAKING and PROMOTED: a person promotes without resuming first.
    S.PAUSED: frozenset({S.RUNNING, S.BAKING, S.PROMOTED, S.ROLLED_BACK, S.ABORTED}),
    # To RUNNING: the comparison said PROMOTE, and with more labels does not any more.
    S.WAITING: frozenset({S.RUNNING, S.PAUSED, S.BAKING, S.PROMOTED, S.ROLLED_BACK, S.ABORTED}),
    # ABORTED: a person rolled back, or promoted another version.
    S.BAKING: frozenset({S.PAUSED, S.PROMOTED, S.ROLLED_BACK, S.ABORTED}),
    S.PROMOTED: frozenset(),
    S.ROLLED_BACK: frozenset(),
    S.ABORTED: frozenset(),
}


class StepKind(StrEnum):
    """What a step does with the traffic, and what it waits for."""

    SERVICE = "service"  # is asked its expected inputs on the server, and driven; no client gets its answers
    SHADOW = "shadow"  # answers unseen, until the comparison decides
    AB = "ab"  # answers a share of the clients, until the comparison decides
    CANARY = "canary"  # answers a share of the clients, until enough looks have passed
    PROMOTE = "promote"  # becomes champion
    BAKE = "bake"  # is champion; the checks go on


COMPARED = (StepKind.SHADOW, StepKind.AB)  # these end by the comparison's verdict
SEEN = (*COMPARED, StepKind.CANARY)  # in these it answers clients' requests, to them or unseen
TRAFFIC = (*SEEN, StepKind.SERVICE)  # in these the version is the challenger


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step. `weight` percent of the clients get the challenger's answer; the others in shadow if `shadow`."""

    kind: StepKind
    weight: float = 0.0
    shadow: bool = False

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms in which the version answers."""
        if self.kind is StepKind.SERVICE:
            return (Arm.DIRECT,)
        if self.kind is StepKind.SHADOW:
            return (Arm.SHADOW,)
        return (Arm.CHALLENGER,) if self.kind in TRAFFIC else CLIENT_ARMS

    def __str__(self) -> str:
        share = f" {self.weight:g} %" if self.kind in (StepKind.AB, StepKind.CANARY) else ""
        return f"{'A/B' if self.kind is StepKind.AB else self.kind}{share}"


def steps_of(spec: RolloutSpec) -> tuple[Step, ...]:
    """The steps that a specification means, in order; the last is the promotion, or the bake after it."""
    steps: list[Step] = [] if spec.service is None else [Step(kind=StepKind.SERVICE)]
    if spec.strategy is Strategy.SHADOW or (spec.strategy is Strategy.CANARY and spec.shadow_first):
        steps.append(Step(kind=StepKind.SHADOW, shadow=True))
    if spec.strategy is Strategy.AB:
        steps.append(Step(kind=StepKind.AB, weight=spec.weight))
    if spec.strategy is Strategy.CANARY:
        shares = [percent for percent in spec.steps if percent < 100]
        # one that was in shadow first stays so for the other clients: the paired comparison goes on
        steps += [Step(kind=StepKind.CANARY, weight=percent, shadow=spec.shadow_first) for percent in shares]
    steps.append(Step(kind=StepKind.PROMOTE))
    if spec.bake is not None:
        steps.append(Step(kind=StepKind.BAKE))
    return tuple(steps)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """The counters of the step's analysis."""

    passes: int = 0
    failures: int = 0
    inconclusive: int = 0
    errors: int = 0  # looks in a row that could not measure
    since: datetime | None = None  # where the next window begins; None: where the step's delay ends
    looked_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        counters = {name: getattr(self, name) for name in ("passes", "failures", "inconclusive", "errors")}
        times = {"since": self.since, "looked_at": self.looked_at}
        return counters | {name: None if at is None else at.isoformat() for name, at in times.items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Progress:
        times = {name: data.get(name) for name in ("since", "looked_at")}
        return cls(**(data | {name: None if at is None else datetime.fromisoformat(at) for name, at in times.items()}))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """One version on its way, as it stands. `champion` is the version that it is measured against; None: the first."""

    id: int
    environment: str
    model: str
    version: int
    champion: int | None
    spec: RolloutSpec
    state: RolloutState
    step: int
    step_since: datetime
    progress: Progress = field(default_factory=Progress)
    reason: str = ""
    started_by: str
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None = None

    @property
    def reference(self) -> str:
        return f"{self.model}@{self.version}"

    @property
    def steps(self) -> tuple[Step, ...]:
        return steps_of(self.spec)

    @property
    def current(self) -> Step:
        return self.steps[self.step]

    @property
    def open(self) -> bool:
        return not self.state.ended


def move(rollout: Rollout, to: RolloutState, *, now: datetime, reason: str) -> Rollout:
    """The rollout in another state, or in the same for another reason. RefusedError where the table has no way."""
    if not rollout.open:
        raise RefusedError(f"rollout {rollout.id} has ended: it is {rollout.state}", where=rollout.reference)
    if to is not rollout.state and to not in TRANSITIONS[rollout.state]:
        raise RefusedError(f"rollout {rollout.id} is {rollout.state} and cannot become {to}", where=rollout.reference)
    return replace(rollout, state=to, reason=reason, updated_at=now, ended_at=now if to.ended else None)


def at_step(rollout: Rollout, step: int, *, now: datetime) -> Rollout:
    """The rollout at the beginning of a step, its counters at zero. Steps go forward only."""
    if step < rollout.step:
        raise RefusedError(f"rollout {rollout.id} cannot go back from step {rollout.step} to {step}")
    return replace(rollout, step=step, step_since=now, progress=Progress())


def step_text(rollout: Rollout) -> str:
    """Where it stands, in a few words: "canary 25 %, look 2 of 5"."""
    step, analysis, done = rollout.current, rollout.spec.analysis, rollout.progress
    if step.kind is StepKind.CANARY and rollout.state in (S.RUNNING, S.PAUSED):
        return f"{step}, look {min(done.passes + 1, analysis.count)} of {analysis.count}"
    if step.kind is StepKind.BAKE and rollout.spec.bake is not None:
        return f"bake {format_duration(rollout.spec.bake)}"
    return str(step)
