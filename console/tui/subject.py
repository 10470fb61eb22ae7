"""What an action acts on: the selected row of any screen, in the same words."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from quarterdeck.console.queries.values import Aliases
from quarterdeck.core.values import AlertState, Outcome, RunStatus, VersionState


class Kind(StrEnum):
    MODEL = "model"
    VERSION = "version"
    PIPELINE = "pipeline"
    RUN = "run"
    STEP = "step"
    TRIGGER = "trigger"
    ALERT = "alert"
    DUEL = "duel"
    EVENT = "event"
    REVIEW = "review"
    ROLLOUT = "rollout"
    SERVICE = "service"
    ENTRY = "entry"
    ROW = "row"  # nothing can be done with it but read it


HAVE_NAMES = (Kind.VERSION, Kind.MODEL, Kind.DUEL)  # rows of which a model's champion and challenger can be told


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """`key` finds the whole record; `model` is also the pipeline's name. What does not apply is None."""

    kind: Kind
    key: str
    label: str
    model: str | None = None
    aliases: Aliases = field(default_factory=Aliases)
    version: int | None = None
    state: VersionState | None = None
    outcome: Outcome = Outcome.PASS
    passed: int = 0
    gates: int = 0
    run_id: int | None = None
    run_status: RunStatus | None = None
    trigger: str | None = None
    paused: bool = False
    alert_id: int | None = None
    alert_state: AlertState | None = None
    rollout_id: int | None = None
    rollout_open: bool = False
    entry: int | None = None  # of the ledger
