"""When a trigger fires: evidence first (decay, drift), then the brakes (pause, cooldown, limit a day, budget).

Pure rules: what happened and the time are given. Loads without numpy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from quarterdeck.core.drift.verdict import DriftResult
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.values import Direction, Span, TriggerKind

W = TypeVar("W")

# Evidence of these kinds is about a stretch of event time. Replaying a week in an hour must neither be held
# back by the wall's clock nor fire once per replayed window, so their cooldown runs by the time of the
# evidence.
BY_EVENT_TIME = (TriggerKind.DRIFT, TriggerKind.DECAY)
_DOUBLINGS = 6  # of the wait after trainings that came to nothing: at most 64 times as long


@dataclass(frozen=True, kw_only=True, slots=True)
class FireDecision:
    """Whether to queue a run, and why or why not. `waits`: another run stands against it, and will end."""

    fire: bool
    reason: str
    waits: bool = False


def decide_fire(
    *,
    kind: TriggerKind,
    now: datetime,
    paused: bool = False,
    active_run: str | None = None,
    cooldown: timedelta | None = None,
    last_fired: datetime | None = None,
    evidence_at: datetime | None = None,
    last_evidence: datetime | None = None,
    fired_today: int = 0,
    limit_per_day: int | None = None,
    fruitless: int = 0,
    width: timedelta | None = None,
    spent: timedelta = timedelta(0),
    budget: timedelta | None = None,
    budget_per: Span = Span.DAY,
) -> FireDecision:
    """Decide whether a trigger with its evidence at hand may start a run.

    `active_run` names a run of the pipeline that is queued or running ("run 7"). For drift and decay the cooldown is
    counted from `last_evidence`, the event time of the evidence that fired last, to `evidence_at`; evidence
    that is not newer never fires again, and the last `fruitless` trainings (see fruitless()) each double the wait:
    that of `cooldown`, or of one window (`width`) where it is shorter. For the others the cooldown is
    counted from `last_fired` to `now`. `spent` is how long the runs that it started since the begin of the day or
    week took. A person who fires by hand knows no pause, cooldown, limit or budget.
    """
    if active_run is not None:
        return FireDecision(fire=False, reason=f"{active_run} is under way", waits=True)
    if kind is TriggerKind.MANUAL:
        return FireDecision(fire=True, reason="it was asked for")
    if paused:
        return FireDecision(fire=False, reason="the trigger is paused")
    wait = patience(cooldown, width, fruitless)
    held = _cooling(kind, now, wait, last_fired, evidence_at, last_evidence)
    if held is not None:
        return FireDecision(fire=False, reason=held + _in_vain(fruitless, held))
    if limit_per_day is not None and fired_today >= limit_per_day:
        return FireDecision(fire=False, reason=f"it fired {fired_today} times today; the limit is {limit_per_day}")
    if budget is not None and spent >= budget:
        return FireDecision(
            fire=False, reason=f"its runs of this {budget_per} have used the budget of {_hours(budget)}"
        )
    return FireDecision(fire=True, reason=f"{kind}, with nothing against it")


def _in_vain(fruitless: int, held: str) -> str:
    if fruitless < 1 or not held.startswith("cooling"):
        return ""
    return (
        f": its last {'training' if fruitless == 1 else f'{fruitless} trainings'} gave no better model or met no loss"
    )


def patience(cooldown: timedelta | None, width: timedelta | None, fruitless: int) -> timedelta | None:
    """How long a trigger waits after evidence that fired; `fruitless` trainings in a row were in vain.

    >>> patience(timedelta(days=1), timedelta(days=7), 2).days
    28
    """
    if fruitless < 1:
        return cooldown
    times: int = 2 ** min(fruitless, _DOUBLINGS)
    return max(cooldown or timedelta(0), width or timedelta(0)) * times


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """A training that a trigger started, for evidence up to `at` of event time. `loss`: it showed a loss of
    performance."""

    at: datetime
    promoted: bool
    loss: bool


def fruitless(
    past: Sequence[Training],
    *,
    at: datetime,
    loss: bool,
    cooldown: timedelta | None = None,
    width: timedelta | None = None,
) -> int:
    """How many of a trigger's trainings, one after the other up to evidence at `at`, were in vain.

    One was in vain if it gave no champion; and where the evidence now shows no loss of performance, also if it met
    none itself: seasons drift all year, and a model that is as good as ever is not made better by the next one. A
    pause of twice the wait ends the row. `past` may come in any order.
    """
    number, before = 0, None
    for training in [*sorted(past, key=lambda item: item.at), None]:
        moment = at if training is None else training.at
        if before is not None and moment - before >= 2 * _least(cooldown, width, number):
            number = 0
        if training is not None:
            in_vain = not training.promoted or not (loss or training.loss)
            number, before = (number + 1 if in_vain else 0), training.at
    return number


def _least(cooldown: timedelta | None, width: timedelta | None, fruitless: int) -> timedelta:
    return patience(cooldown, width, max(fruitless, 1)) or timedelta(0)


def span_start(span: Span, now: datetime) -> datetime:
    """The begin of this day or week (from Monday), UTC."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if span is Span.DAY else midnight - timedelta(days=midnight.weekday())


def _hours(duration: timedelta) -> str:
    minutes = int(duration.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{duration.total_seconds() / 60:g} min"


def _cooling(
    kind: TriggerKind,
    now: datetime,
    cooldown: timedelta | None,
    last_fired: datetime | None,
    evidence_at: datetime | None,
    last_evidence: datetime | None,
) -> str | None:
    if kind in BY_EVENT_TIME:
        if evidence_at is None:
            raise RefusedError(f"a {kind} trigger needs the event time of its evidence")
        if last_evidence is not None and evidence_at <= last_evidence:
            return f"the evidence up to {last_evidence:%Y-%m-%d %H:%M} UTC has fired already"
        since, clock = last_evidence, evidence_at
    else:
        since, clock = last_fired, now
    if since is None or cooldown is None or clock - since >= cooldown:
        return None
    return f"cooling down until {since + cooldown:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowMetric:
    """One metric on the labelled rows of one window. `value` is None where there were no labels."""

    start: datetime
    value: float | None
    n: int
    standard_error: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DecayEvidence:
    """The windows that were all worse than the reference; `worsening` is their mean, in the metric's unit."""

    windows: tuple[WindowMetric, ...]
    reference: float
    worsening: float

    @property
    def at(self) -> datetime:
        """The event time of the evidence: the start of its last window."""
        return self.windows[-1].start


def decay(
    values: Sequence[WindowMetric],
    *,
    reference: float,
    worse_by: float,
    windows: int,
    direction: Direction,
    width: timedelta | None = None,
) -> DecayEvidence | None:
    """The evidence that a live metric has decayed, or None.

    Each of the last `windows` windows must be worse than `reference` by at least `worse_by`, and by more than
    its own standard error where that is known. A window without labels breaks the row of windows: it proves
    nothing. With `width`, a gap between two windows does too. `values` may come in any order.
    """
    last = _last(sorted(values, key=lambda window: window.start), windows)
    if last is None or _has_gap([window.start for window in last], width):
        return None
    losses = [_loss(window, reference, direction) for window in last]
    beyond = [
        loss is not None and loss >= worse_by and loss > (window.standard_error or 0.0)
        for loss, window in zip(losses, last, strict=True)
    ]
    if not all(beyond):
        return None
    worsening = math.fsum(loss for loss in losses if loss is not None) / windows
    return DecayEvidence(windows=tuple(last), reference=reference, worsening=worsening)


def _loss(window: WindowMetric, reference: float, direction: Direction) -> float | None:
    """How much worse than the reference; negative is better. None where the window has no number."""
    if window.value is None or window.n <= 0 or math.isnan(window.value):
        return None
    return reference - window.value if direction is Direction.HIGHER else window.value - reference


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowDrift:
    """Every feature's result in one window."""

    start: datetime
    results: tuple[DriftResult, ...]

    @property
    def drifted(self) -> frozenset[str]:
        return frozenset(result.feature for result in self.results if result.drifted)


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftEvidence:
    """The windows in which enough features drifted, and the features that drifted in the last of them."""

    windows: tuple[datetime, ...]
    features: tuple[str, ...]

    @property
    def at(self) -> datetime:
        """The event time of the evidence: the start of its last window."""
        return self.windows[-1]


def drift_trigger(
    values: Sequence[WindowDrift], *, features: int, windows: int = 1, width: timedelta | None = None
) -> DriftEvidence | None:
    """The evidence that at least `features` features drifted in each of the last `windows` windows, or None.

    Which features they are may differ from window to window. `width` and order are as in decay().
    """
    if features < 1:
        raise RefusedError(f"a drift trigger on {features} features would always fire", hint="1 or more")
    last = _last(sorted(values, key=lambda window: window.start), windows)
    if last is None or _has_gap([window.start for window in last], width):
        return None
    if any(len(window.drifted) < features for window in last):
        return None
    return DriftEvidence(windows=tuple(window.start for window in last), features=tuple(sorted(last[-1].drifted)))


def _last(ordered: list[W], windows: int) -> list[W] | None:
    """The last so many, or None where there are fewer."""
    if windows < 1:
        raise RefusedError(f"evidence from {windows} windows is none", hint="1 or more")
    return ordered[-windows:] if len(ordered) >= windows else None


def _has_gap(starts: list[datetime], width: timedelta | None) -> bool:
    return width is not None and any(b - a > width for a, b in pairwise(starts))
