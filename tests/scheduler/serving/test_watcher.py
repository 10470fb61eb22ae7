"""A change of the traffic plan swaps what has changed, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.values import Task
from quarterdeck.scheduler.serving.counters import Counters, Problems
from quarterdeck.scheduler.serving.failures import Failures
from quarterdeck.scheduler.serving.live import LiveModel
from quarterdeck.scheduler.serving.router import Route, Router
from quarterdeck.scheduler.serving.shadow import Shadow
from quarterdeck.scheduler.serving.watcher import Watcher
from quarterdeck.store.engine import ChangeWatch
from quarterdeck.store.plans import TrafficPlan, read_plan

PATIENCE_S = 20.0


class Bench:
    """A watcher on a lab's plan, in this process."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.router = Router()
        self.problems = Problems()
        self.watcher = Watcher(
            read=self._read, watch=ChangeWatch(lab.workspace.database), artifacts=lab.artifacts, router=self.router,
            make_shadow=self._shadow, problems=self.problems,
        )  # fmt: skip
        self.task = asyncio.create_task(self.watcher.run())

    def _read(self) -> TrafficPlan:
        with self.lab.database.read() as tx:
            return read_plan(tx, "production")

    def _shadow(self, champion: LiveModel, challenger: LiveModel) -> Shadow:
        loop = asyncio.get_running_loop()
        return Shadow(champion, challenger, loop, lambda _: None, Failures(), Counters(), self.problems)

    async def route(self, weight: float, *, shadow: bool = True) -> Route:
        """The route of `line` when the challenger has this share."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                route = self.router.routes.get("line")
                if route is not None and route.challenger is not None:
                    found = 0.0 if route.split is None else route.split.weight
                    if found == weight and (route.shadow is not None) == shadow:
                        return route
                await asyncio.sleep(0.002)

    async def close(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task
        self.watcher.close()


@pytest.fixture
async def bench(line_lab: Any) -> AsyncIterator[Bench]:
    line_lab.challenge("line", 2)
    found = Bench(line_lab)
    yield found
    await found.close()


async def test_another_weight_keeps_models_shadow_and_canary(bench: Bench) -> None:
    bench.lab.split("line", 2, 5)
    first = await bench.route(5)
    for weight in (25, 100):
        bench.lab.split("line", 2, weight)
        route = await bench.route(weight)
        assert (route.champion, route.challenger) == (first.champion, first.challenger)
        assert (route.shadow, route.canary) == (first.shadow, first.canary)
    assert first.shadow is not None
    assert first.canary is not None


async def test_the_shadow_goes_and_comes_with_its_flag_and_the_canary_stays(bench: Bench) -> None:
    bench.lab.split("line", 2, 5)
    first = await bench.route(5)
    bench.lab.split("line", 2, 5, shadow=False)
    without = await bench.route(5, shadow=False)
    assert without.canary is first.canary
    bench.lab.split("line", 2, 0)
    after = await bench.route(0)
    assert (after.canary, after.split) == (None, None)


async def test_only_a_challenger_with_fields_of_its_own_widens_what_is_read(bench: Bench) -> None:
    assert (await bench.route(0)).wide is None
    field = Field(name="c", kind=FieldKind.NUMBER, minimum=0.0, maximum=9.0)
    signature = Signature(fields=(field,), task=Task.REGRESSION, target="y")
    number = bench.lab.add_onnx("line", bench.lab.column_model(), signature)
    bench.lab.challenge("line", number)
    bench.lab.split("line", number, 7)
    assert (await bench.route(7)).wide is not None
