"""A challenger answers beside the champion, and can do it no harm."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from quarterdeck.core.models.columns import Columns
from quarterdeck.core.models.predictors import Answers
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Arm, Engine, Task
from quarterdeck.scheduler.serving import shadow as module
from quarterdeck.scheduler.serving.batcher import Model
from quarterdeck.scheduler.serving.counters import Counters, Problems
from quarterdeck.scheduler.serving.failures import Failures
from quarterdeck.scheduler.serving.live import LiveModel, Loaded
from quarterdeck.scheduler.serving.log import Entry
from quarterdeck.scheduler.serving.reader import Request, RowReader
from quarterdeck.scheduler.serving.shadow import Answered, Shadow
from quarterdeck.store.plans import PlannedVersion

SAILED = datetime(2026, 3, 1, tzinfo=UTC)


class Fake:
    """Answers its first field; fails where that is negative; waits for its gate."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def predict(self, columns: Columns) -> Answers:
        self.entered.set()
        self.gate.wait(10)
        values = [float(value) for value in next(iter(columns.values()))]
        if min(values) < 0:
            raise RuntimeError("negative")
        return Answers(values=values, labels=None, probabilities=None, scores=np.array(values))


def live(number: int, model: Fake, *names: str) -> LiveModel:
    fields = tuple(Field(name=name, kind=FieldKind.NUMBER) for name in names)
    signature = Signature(fields=fields, task=Task.REGRESSION, target="y", entity="ship")
    planned = PlannedVersion(
        model="fuel", number=number, artifact="", onnx=None, engine=Engine.SKLEARN, signature=signature
    )
    loaded = Loaded(planned, RowReader(signature), Model(model, signature.names), None)
    return LiveModel(loaded, asyncio.get_running_loop())


def answered(name: str, **row: Any) -> Answered:
    values = tuple(value for key, value in row.items() if key != "ship")
    return Answered([name], Request([row], [values], [row.get("ship")], [SAILED]), 123)


class Bench:
    """A shadow, and what it handed to the log."""

    def __init__(self, challenger: Fake, champion_fields: str = "a", challenger_fields: str = "a") -> None:
        self.entries: list[Entry] = []
        self.failed = Failures()
        self.counters = Counters()
        self.problems = Problems()
        self.shadow = Shadow(
            live(1, Fake(), *champion_fields),
            live(2, challenger, *challenger_fields),
            asyncio.get_running_loop(),
            self.entries.append,
            self.failed,
            self.counters,
            self.problems,
        )

    @property
    def failures(self) -> int:
        return self.counters.of_shadow("fuel", 2).failures


async def until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not look():
            await asyncio.sleep(0.001)


async def test_answers_are_logged_under_the_champions_ids_without_inputs() -> None:
    bench = Bench(Fake())
    bench.shadow.offer(answered("x", a=3.0, ship=7))
    await until(lambda: len(bench.entries) == 1)
    entry = bench.entries[0]
    assert (entry.ids, entry.arm, entry.version, entry.rows) == (["x"], Arm.SHADOW, 2, None)
    assert (entry.at, entry.times, entry.entities) == (123, [SAILED], [7])
    assert entry.answers.scores[entry.start] == 3.0
    bench.shadow.close()


async def test_what_waits_is_answered_together_each_with_its_own_rows() -> None:
    model = Fake()
    model.gate.clear()
    bench = Bench(model)
    for number in range(4):
        bench.shadow.offer(answered(f"p{number}", a=float(number)))
    model.gate.set()
    await until(lambda: len(bench.entries) == 4)
    assert {entry.ids[0]: entry.answers.scores[entry.start] for entry in bench.entries} == {
        "p0": 0.0, "p1": 1.0, "p2": 2.0, "p3": 3.0,
    }  # fmt: skip
    bench.shadow.close()


async def test_a_row_on_which_it_fails_is_counted_and_the_others_are_logged() -> None:
    model = Fake()
    model.gate.clear()
    bench = Bench(model)
    for name, value in (("first", 0.0), ("good", 1.0), ("bad", -1.0), ("fine", 2.0)):
        bench.shadow.offer(answered(name, a=value))
    model.gate.set()
    await until(lambda: len(bench.entries) == 3 and bench.failures == 1)
    assert {entry.ids[0] for entry in bench.entries} == {"first", "good", "fine"}
    assert bench.problems.texts() == ["challenger fuel@2: the model failed: RuntimeError: negative"]
    bench.shadow.close()


async def test_a_slow_challenger_fills_its_queue_and_drops_without_keeping_anyone() -> None:
    model = Fake()
    model.gate.clear()
    bench = Bench(model)
    bench.shadow.offer(answered("first", a=1.0))
    await until(model.entered.is_set)
    offered = module.MOST_WAITING + 500
    for number in range(offered):
        bench.shadow.offer(answered(f"p{number}", a=1.0))
    dropped = bench.counters.shadow_dropped
    assert dropped >= 500
    model.gate.set()
    await until(lambda: len(bench.entries) == offered + 1 - dropped)
    assert bench.counters.shadow_dropped == dropped
    bench.shadow.close()


async def test_a_challenger_with_fewer_fields_gets_those_and_one_with_more_fails() -> None:
    fewer = Bench(Fake(), champion_fields="ab", challenger_fields="b")
    fewer.shadow.offer(answered("x", a=1.0, b=2.0, ship=7))
    await until(lambda: len(fewer.entries) == 1)
    assert fewer.entries[0].answers.scores == [2.0]
    fewer.shadow.close()
    more = Bench(Fake(), champion_fields="a", challenger_fields="ab")
    more.shadow.offer(answered("x", a=1.0))
    await until(lambda: more.failures == 1)
    assert "field 'b': the field is missing" in more.problems.texts()[0]
    more.shadow.close()


async def test_closing_drops_what_waits_and_counts_it() -> None:
    model = Fake()
    model.gate.clear()
    bench = Bench(model)
    bench.shadow.offer(answered("running", a=1.0))
    await until(model.entered.is_set)
    bench.shadow.offer(answered("waiting", a=1.0))
    bench.shadow.close()
    assert bench.counters.shadow_dropped == 1
    model.gate.set()
    await until(lambda: [entry.ids for entry in bench.entries] == [["running"]])


async def test_draining_waits_for_answers_but_not_for_ever() -> None:
    model = Fake()
    bench = Bench(model)
    loop = asyncio.get_running_loop()
    bench.shadow.offer(answered("x", a=1.0))
    await bench.shadow.drain(loop.time() + 10)
    await until(lambda: len(bench.entries) == 1)
    model.gate.clear()
    bench.shadow.offer(answered("y", a=1.0))
    await bench.shadow.drain(loop.time() + 0.01)
    model.gate.set()
    bench.shadow.close()
