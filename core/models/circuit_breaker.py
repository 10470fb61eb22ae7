"""A circuit breaker: another server that fails again and again is left alone for a while.

Nygard, Release It! (2nd ed., 2018), chapter 5. Pure: the caller brings the time, in seconds of any clock that does not
run backwards, and keeps the value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Circuit(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"  # every call goes out
    OPEN = "open"  # no call goes out, until the pause is over
    HALF_OPEN = "half-open"  # one call goes out to try; the others are refused


class Event(StrEnum):
    """What moves it."""

    SUCCESS = "success"
    FAILURE = "failure"  # one that does not make the row of failures long enough
    LAST_FAILURE = "last failure"  # one that does
    PAUSE_OVER = "pause over"


C, E = Circuit, Event

# In OPEN, answers are of calls that went out before: they tell of the past. A pause is over in OPEN alone.
TRANSITIONS: dict[tuple[Circuit, Event], Circuit] = {
    (C.CLOSED, E.SUCCESS): C.CLOSED,
    (C.CLOSED, E.FAILURE): C.CLOSED,
    (C.CLOSED, E.LAST_FAILURE): C.OPEN,
    (C.OPEN, E.SUCCESS): C.OPEN,
    (C.OPEN, E.FAILURE): C.OPEN,
    (C.OPEN, E.LAST_FAILURE): C.OPEN,
    (C.OPEN, E.PAUSE_OVER): C.HALF_OPEN,
    (C.HALF_OPEN, E.SUCCESS): C.CLOSED,
    (C.HALF_OPEN, E.FAILURE): C.OPEN,
    (C.HALF_OPEN, E.LAST_FAILURE): C.OPEN,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakerPolicy:
    """After `failures` in a row nothing is asked for `pause_s` seconds."""

    failures: int = 5
    pause_s: float = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Breaker:
    """One breaker at one moment."""

    circuit: Circuit = Circuit.CLOSED
    failures: int = 0  # in a row
    opened: float = 0.0  # when it last opened


def ask(breaker: Breaker, policy: BreakerPolicy, now: float) -> tuple[Breaker, bool]:
    """Whether a call may go out now, and the breaker after the question.

    The one who is let through an open breaker whose pause is over is its trial; the others wait for its outcome.
    """
    if breaker.circuit is Circuit.CLOSED:
        return breaker, True
    if breaker.circuit is Circuit.OPEN and now - breaker.opened >= policy.pause_s:
        return replace(breaker, circuit=TRANSITIONS[breaker.circuit, Event.PAUSE_OVER]), True
    return breaker, False


def tell(breaker: Breaker, policy: BreakerPolicy, *, succeeded: bool, now: float) -> Breaker:
    """The breaker after a call's outcome."""
    failures = 0 if succeeded else breaker.failures + 1
    event = E.SUCCESS if succeeded else E.LAST_FAILURE if failures >= policy.failures else E.FAILURE
    circuit = TRANSITIONS[breaker.circuit, event]
    if breaker.circuit is Circuit.OPEN:
        return breaker
    opened = now if circuit is Circuit.OPEN else breaker.opened
    return Breaker(circuit=circuit, failures=failures, opened=opened)


def waits(breaker: Breaker, policy: BreakerPolicy, now: float) -> float:
    """Seconds until a call may go out again; 0 where one may now, or where a trial is under way."""
    if breaker.circuit is not Circuit.OPEN:
        return 0.0
    return max(0.0, policy.pause_s - (now - breaker.opened))
