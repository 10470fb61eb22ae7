"""The questions that screens ask of the store, and one look that answers them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from quarterdeck.console.queries.review_values import Review
from quarterdeck.console.queries.values import Live, Overview, Pipelines, Registry, Status
from quarterdeck.console.queries.values_audit import Ledger
from quarterdeck.console.queries.values_duel import Duels
from quarterdeck.console.queries.values_schedule import Schedule
from quarterdeck.core.values import RunStatus

PAGE = 200  # rows of a long list that are read at once; reaching the end reads on


@dataclass(frozen=True, kw_only=True, slots=True)
class AskOverview:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class AskPipelines:
    pipeline: str | None = None  # None: the first
    run_id: int | None = None  # None: the newest
    status: RunStatus | None = None
    everywhere: bool = False  # the runs of every pipeline
    limit: int = PAGE


@dataclass(frozen=True, kw_only=True, slots=True)
class AskRegistry:
    model: str | None = None  # None: every model's versions
    selected: tuple[str, int] | None = None
    limit: int = PAGE


@dataclass(frozen=True, kw_only=True, slots=True)
class AskLive:
    model: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AskDuels:
    selected: str | None = None  # a DuelRow's id
    model: str | None = None  # or its model's newest


@dataclass(frozen=True, kw_only=True, slots=True)
class AskReview:
    selected: int | None = None  # an item's id; None: the first
    model: str | None = None  # None: every model's queue
    limit: int = PAGE


@dataclass(frozen=True, kw_only=True, slots=True)
class AskSchedule:
    trigger: str | None = None  # "flights/nightly": its firings are asked for
    rollout: int | None = None  # its steps and looks
    limit: int = PAGE  # rollouts


@dataclass(frozen=True, kw_only=True, slots=True)
class AskAudit:
    model: str | None = None  # None: every entry
    selected: int | None = None  # an entry's number; None: the newest
    limit: int = PAGE


Question = AskOverview | AskPipelines | AskRegistry | AskLive | AskDuels | AskReview | AskSchedule | AskAudit
Answer = Overview | Pipelines | Registry | Live | Duels | Review | Schedule | Ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One look at the store: the question and its answer, and the facts of the header."""

    question: Question
    answer: Answer
    status: Status
    story: str
    at: datetime
