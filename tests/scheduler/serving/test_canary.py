"""A challenger that answers clients can fail in every way, and each is a value."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import numpy as np
import pytest

from quarterdeck.core.models.columns import Columns
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Engine, Task
from quarterdeck.scheduler.serving import canary as module
from quarterdeck.scheduler.serving.batcher import Model
from quarterdeck.scheduler.serving.canary import Canary, Miss, limit_s
from quarterdeck.scheduler.serving.counters import VersionCount
from quarterdeck.scheduler.serving.failures import FailureKind
from quarterdeck.scheduler.serving.live import LiveModel, Loaded
from quarterdeck.scheduler.serving.reader import Request, RowReader
from quarterdeck.store.plans import PlannedVersion

PATIENT = 10.0  # seconds


class Fake:
    """Answers its first field, `extra` rows too many; waits for its gate."""

    def __init__(self, extra: int = 0) -> None:
        self.extra = extra
        self.gate = threading.Event()
        self.gate.set()
        self.calls: list[int] = []

    def predict(self, columns: Columns) -> Answers:
        values = [float(value) for value in next(iter(columns.values()))]
        self.calls.append(len(values))
        self.gate.wait(30)
        if min(values) < 0:
            raise RuntimeError("negative")
        values += [0.0] * self.extra
        return Answers(values=values, labels=None, probabilities=None, scores=np.array(values))


def live(number: int, model: Fake, *names: str) -> LiveModel:
    fields = tuple(Field(name=name, kind=FieldKind.NUMBER) for name in names)
    signature = Signature(fields=fields, task=Task.REGRESSION, target="y", entity="ship")
    planned = PlannedVersion(
        model="fuel", number=number, artifact="", onnx=None, engine=Engine.SKLEARN, signature=signature
    )
    loaded = Loaded(planned, RowReader(signature), Model(model, signature.names), None)
    return LiveModel(loaded, asyncio.get_running_loop())


def canary(model: Fake, champions: str = "a", challengers: str = "a") -> Canary:
    challenger = live(2, model, *challengers)
    return Canary(live(1, Fake(), *champions), challenger.planned, challenger, asyncio.get_running_loop())


def request(*values: float, **more: float) -> Request:
    rows = [(value,) for value in values]
    return Request([{"a": value, **more} for value in values], rows, [None] * len(rows), [None] * len(rows))


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENT):
        while not look():
            await asyncio.sleep(0.001)


async def scores(trial: Canary, sent: Request, limit: float = PATIENT) -> list[float]:
    outcome = await trial.ask(sent, limit)
    assert not isinstance(outcome, Miss), outcome
    answers, start = outcome
    return answers.scores[start : start + len(sent.rows)]


async def missed(trial: Canary, sent: Request, limit: float = PATIENT) -> Miss:
    outcome = await trial.ask(sent, limit)
    assert isinstance(outcome, Miss)
    return outcome


async def test_it_answers_in_a_thread_of_its_own() -> None:
    seen: list[str] = []

    class Named(Fake):
        def predict(self, columns: Columns) -> Answers:
            seen.append(threading.current_thread().name)
            return super().predict(columns)

    assert await scores(canary(Named()), request(1.0, 2.0)) == [1.0, 2.0]
    assert "canary fuel@2" in seen[0]


async def test_an_error_is_a_miss_and_the_next_row_is_answered() -> None:
    trial = canary(Fake())
    miss = await missed(trial, request(-1.0))
    assert (miss.kind, "negative" in miss.text) == (FailureKind.FAILED, True)
    assert await scores(trial, request(3.0)) == [3.0]


@pytest.mark.parametrize("extra", [1, 7])
async def test_too_many_answers_are_a_miss(extra: int) -> None:
    miss = await missed(canary(Fake(extra)), request(1.0, 2.0))
    assert (miss.kind, "2 rows" in miss.text) == (FailureKind.FAILED, True)


async def test_a_challenger_that_hangs_costs_one_client_the_limit_and_the_next_nothing() -> None:
    model = Fake()
    model.gate.clear()
    trial = canary(model)
    first = await missed(trial, request(1.0), 0.01)
    second = await missed(trial, request(2.0), 0.01)
    assert (first.kind, second.kind) == (FailureKind.SLOW, FailureKind.SLOW)
    assert "still busy" in second.text
    assert model.calls == [1]  # the second was never asked
    model.gate.set()
    async with asyncio.timeout(PATIENT):
        while isinstance(await trial.ask(request(3.0), PATIENT), Miss):  # until it has come back
            await asyncio.sleep(0.001)
    assert model.calls == [1, 1]


async def test_rows_that_were_given_up_are_not_computed_later() -> None:
    model = Fake()
    model.gate.clear()
    trial = canary(model)
    running = asyncio.ensure_future(trial.ask(request(0.0), PATIENT))
    await until(lambda: model.calls == [1])
    waiting = [asyncio.ensure_future(trial.ask(request(9.0), 0.5)) for _ in range(50)]
    for one in waiting:
        assert isinstance(await one, Miss)
    model.gate.set()
    assert not isinstance(await running, Miss)
    assert await scores(trial, request(5.0)) == [5.0]
    assert model.calls == [1, 1]


async def test_its_rows_are_its_own_fields_and_a_request_without_them_is_a_miss() -> None:
    trial = canary(Fake(), champions="a", challengers="b")
    assert await scores(trial, request(1.0, b=7.0)) == [7.0]
    miss = await missed(trial, request(1.0))
    assert (miss.kind, "'b'" in miss.text) == (FailureKind.FIELDS, True)


async def test_a_version_that_is_not_loaded_misses() -> None:
    champion = live(1, Fake(), "a")
    trial = Canary(champion, live(2, Fake(), "a").planned, None, asyncio.get_running_loop())
    assert (await missed(trial, request(1.0))).kind is FailureKind.NOT_LOADED


def test_the_limit_follows_what_the_champion_usually_takes() -> None:
    count = VersionCount()
    assert limit_s(count, 1) == module.FIRST_LIMIT_S
    for _ in range(module.KNOWN):
        count.add(1, 1_000)
    assert limit_s(count, 1) == module.LEAST_LIMIT_S
    slow = VersionCount()
    for _ in range(module.KNOWN):
        slow.add(10, 200_000)
    assert limit_s(slow, 10) == pytest.approx(0.6)
    assert limit_s(slow, 1) == pytest.approx(0.6)
    assert limit_s(slow, 1_000) == pytest.approx(60.0)


def test_waiting_for_a_challenger_does_not_lengthen_the_limit() -> None:
    count = VersionCount()
    for _ in range(module.KNOWN):
        count.add(1, 100_000)
    before = limit_s(count, 1)
    for _ in range(100):
        count.add(1, 400_000, 300_000)
    assert limit_s(count, 1) == pytest.approx(before)
