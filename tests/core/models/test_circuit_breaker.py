"""The circuit breaker over any sequence of questions, outcomes and times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from quarterdeck.core.models.circuit_breaker import (
    TRANSITIONS,
    Breaker,
    BreakerPolicy,
    Circuit,
    Event,
    ask,
    tell,
    waits,
)

POLICY = BreakerPolicy(failures=3, pause_s=10.0)


def test_every_state_has_an_answer_to_every_outcome_and_a_pause_ends_in_open_alone() -> None:
    outcomes = {Event.SUCCESS, Event.FAILURE, Event.LAST_FAILURE}
    assert {(circuit, event) for circuit in Circuit for event in outcomes} <= set(TRANSITIONS)
    assert [circuit for circuit, event in TRANSITIONS if event is Event.PAUSE_OVER] == [Circuit.OPEN]


@given(st.lists(st.booleans(), max_size=40))
def test_it_opens_at_the_last_of_so_many_failures_in_a_row_and_no_sooner(outcomes: list[bool]) -> None:
    breaker, row = Breaker(), 0
    for succeeded in outcomes:
        row = 0 if succeeded else row + 1
        breaker = tell(breaker, POLICY, succeeded=succeeded, now=0.0)
        if row >= POLICY.failures:
            assert breaker.circuit is Circuit.OPEN
            return
        assert breaker.circuit is Circuit.CLOSED


class Calls(RuleBasedStateMachine):
    """Calls that go out and come back in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.now = 0.0
        self.out = 0
        self.trials = 0

    @rule(seconds=st.floats(0.0, 30.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def somebody_asks(self) -> None:
        before = self.breaker
        self.breaker, allowed = ask(before, POLICY, self.now)
        if before.circuit is Circuit.CLOSED:
            assert allowed
        if before.circuit is Circuit.HALF_OPEN:
            assert not allowed  # one trial at a time
        if before.circuit is Circuit.OPEN:
            assert allowed == (self.now - before.opened >= POLICY.pause_s)
            self.trials += allowed
        self.out += allowed

    @precondition(lambda self: self.out > 0)
    @rule(succeeded=st.booleans())
    def a_call_comes_back(self, succeeded: bool) -> None:
        self.out -= 1
        before = self.breaker
        self.breaker = tell(before, POLICY, succeeded=succeeded, now=self.now)
        if before.circuit is Circuit.OPEN:
            assert self.breaker == before  # late news do not lengthen the pause
        if before.circuit is Circuit.HALF_OPEN:
            assert self.breaker.circuit is (Circuit.CLOSED if succeeded else Circuit.OPEN)

    @invariant()
    def it_never_waits_longer_than_the_pause(self) -> None:
        assert 0.0 <= waits(self.breaker, POLICY, self.now) <= POLICY.pause_s

    @invariant()
    def a_closed_one_has_seen_fewer_failures_than_open_it(self) -> None:
        if self.breaker.circuit is Circuit.CLOSED:
            assert self.breaker.failures < POLICY.failures


TestCalls = Calls.TestCase
