"""The answer to the Schedule screen's question, as rows. No database is needed to load this."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from quarterdeck.console.queries.values import TriggerRow
from quarterdeck.core.rollout import RolloutState
from quarterdeck.core.values import ServiceKind


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutRow:
    """One rollout. `work` is where it stands in a few words: "canary 25 %, look 2 of 5"; "" where it has ended."""

    id: int
    model: str
    version: int
    champion: int | None
    strategy: str
    state: RolloutState
    open: bool
    step: str
    work: str
    since: datetime  # when the step began
    reason: str
    started_by: str
    started_at: datetime
    ended_at: datetime | None

    @property
    def reference(self) -> str:
        return f"{self.model}@{self.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class LookRow:
    """One analysis of a rollout: what it found, in words."""

    at: datetime
    outcome: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutStory:
    """One rollout's steps in order, the one it stands at, and its newest looks first."""

    row: RolloutRow
    steps: tuple[str, ...]
    at: int
    looks: tuple[LookRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FiringRow:
    """One time that a trigger's condition held, and what came of it."""

    id: int
    at: datetime
    fired: bool
    reason: str
    run_id: int | None
    alert_id: int | None
    evidence_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceLine:
    """The daemon, or a server: whether it lives, and what it says of itself, name by name."""

    kind: ServiceKind
    name: str
    state: str
    tone: str
    pid: int
    started_at: datetime
    address: str
    facts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """`firings` are of the selected trigger, the newest first; `story` is of the selected rollout."""

    triggers: tuple[TriggerRow, ...]
    rollouts: tuple[RolloutRow, ...]
    services: tuple[ServiceLine, ...]
    firings: tuple[FiringRow, ...] = ()
    story: RolloutStory | None = None
