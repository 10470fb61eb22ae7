"""Token buckets: the rate holds on average, nobody waits for ever, and processes share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.core.clients import Rates
from quarterdeck.core.errors import UsageError
from quarterdeck.scheduler.serving.limiter import KINDS, Meter, Meters, Slots


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def let_through(meter: Meter, kind: str, amount: int) -> bool:
    if meter.full() is not None:
        return False
    meter.take(kind, amount)
    return True


def test_a_second_gives_as_many_requests_as_the_rate_says() -> None:
    clock = Clock()
    meter = Meter(Rates(requests=3), clock=clock)
    assert [let_through(meter, "requests", 1) for _ in range(4)] == [True, True, True, False]
    found = meter.full()
    assert found is not None and (found.kind, found.rate) == ("requests", 3)
    assert found.wait == pytest.approx(1 / 3)
    clock.now += found.wait + 1e-6
    assert let_through(meter, "requests", 1)
    assert not let_through(meter, "requests", 1)


def test_what_is_larger_than_a_seconds_worth_goes_through_and_is_paid_for() -> None:
    clock = Clock()
    meter = Meter(Rates(bytes=100), clock=clock)
    assert let_through(meter, "bytes", 1_000)
    found = meter.full()
    assert found is not None and found.wait == pytest.approx(9.0)
    clock.now += 8.9
    assert not let_through(meter, "bytes", 1)
    clock.now += 0.2
    assert let_through(meter, "bytes", 1)


def test_a_client_that_was_quiet_for_long_has_saved_one_second_and_no_more() -> None:
    clock = Clock()
    meter = Meter(Rates(requests=2), clock=clock)
    clock.now += 1_000
    assert sum(let_through(meter, "requests", 1) for _ in range(50)) == 2


def test_each_rate_holds_by_itself() -> None:
    meter = Meter(Rates(rows=5), clock=Clock())
    meter.take("requests", 1_000)
    assert meter.full() is None
    meter.take("rows", 5)
    found = meter.full()
    assert found is not None and found.kind == "rows"


@given(
    rate=st.integers(1, 50),
    kind=st.sampled_from(KINDS),
    asks=st.lists(st.tuples(st.floats(0, 2), st.integers(1, 100)), min_size=1, max_size=60),
)
def test_no_pattern_of_asking_gets_more_than_the_rate_a_second_of_saving_and_one_request(
    rate: int, kind: str, asks: list[tuple[float, int]]
) -> None:
    clock = Clock()
    meter = Meter(Rates(**{kind: rate}), clock=clock)
    began, through, largest = clock.now, 0, 1
    for pause, amount in asks:
        clock.now += pause
        amount = 1 if kind == "requests" else amount
        largest = max(largest, amount)
        through += amount * let_through(meter, kind, amount)
        assert through <= rate * (clock.now - began) + rate + largest + 1e-6


def test_processes_on_one_port_share_what_a_client_may(tmp_path: Path) -> None:
    clock = Clock()
    rates = Rates(requests=10)
    first, second = (Meter(rates, Slots(tmp_path / "ci", process), clock) for process in (0, 1))
    through = [let_through(meter, "requests", 1) for _ in range(10) for meter in (first, second)]
    assert through.count(True) == 10
    clock.now += 0.5
    through = [let_through(meter, "requests", 1) for _ in range(10) for meter in (first, second)]
    assert through.count(True) == 5


def test_what_another_process_let_through_counts_here_too(tmp_path: Path) -> None:
    clock = Clock()
    meter = Meter(Rates(rows=100), Slots(tmp_path / "ci", 0), clock)
    code = (
        "import sys; from pathlib import Path; from quarterdeck.scheduler.serving.limiter import Slots;"
        "Slots(Path(sys.argv[1]), 1).add(1, 250.0)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "ci")], check=True, timeout=60)
    found = meter.full()
    assert found is not None and found.wait == pytest.approx(1.5)


def test_a_process_that_begins_again_does_not_charge_what_was_before_it(tmp_path: Path) -> None:
    Slots(tmp_path / "ci", 0).add(0, 1_000.0)
    Slots(tmp_path / "ci", 1).add(0, 1_000.0)
    meter = Meter(Rates(requests=1), Slots(tmp_path / "ci", 0), Clock())
    assert let_through(meter, "requests", 1)


def test_a_client_keeps_its_meter_while_its_rates_stay(tmp_path: Path) -> None:
    meters = Meters(tmp_path / "limits")
    kept = meters.of("ci", Rates(requests=5))
    assert meters.of("ci", Rates(requests=5)) is kept
    assert meters.of("ci", Rates(requests=6)) is not kept
    assert meters.of("ci", Rates()) is None
    assert [path.name for path in (tmp_path / "limits").iterdir()] == ["ci"]


@pytest.mark.parametrize("rate", [0, -1, 10**13])
def test_a_rate_of_nothing_or_of_everything_is_refused(rate: int) -> None:
    with pytest.raises(UsageError):
        Rates(rows=rate)
