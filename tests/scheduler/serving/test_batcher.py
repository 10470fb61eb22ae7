"""Requests that wait together are answered together, and fail alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.models.columns import Columns
from quarterdeck.core.models.predictors import Answers
from quarterdeck.scheduler.serving.batcher import MOST_ROWS, Batcher, Cost, Model
from quarterdeck.scheduler.serving.protocols import Plain

QUICK = Cost(call=1e-5, row=1e-7)


class Doubler:
    """Answers 2 * x; fails on negative numbers; remembers each batch and the thread it ran in."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.threads: set[int] = set()
        self.gate = threading.Event()
        self.gate.set()

    def predict(self, columns: Columns) -> Answers:
        self.gate.wait(10)
        numbers = np.array(columns["x"], dtype=float)
        self.batches.append(len(numbers))
        self.threads.add(threading.get_ident())
        if (numbers < 0).any():
            raise ValueError("negative")
        return Answers(values=(2 * numbers).tolist(), labels=None, probabilities=None, scores=2 * numbers)


def batcher(model: Doubler, cost: Cost | None) -> Batcher:
    return Batcher(Model(model, ["x"]), asyncio.get_running_loop(), ThreadPoolExecutor(1), cost)


async def ask(batcher: Batcher, numbers: Sequence[float]) -> list[float]:
    answers, start = await batcher.answer([(number,) for number in numbers])
    assert answers.values is not None
    return answers.values[start : start + len(numbers)]


@pytest.mark.parametrize("cost", [QUICK, None])
async def test_requests_of_one_turn_are_one_batch_and_each_gets_its_own_rows(cost: Cost | None) -> None:
    model = Doubler()
    requests = batcher(model, cost)
    found = await asyncio.gather(ask(requests, [1]), ask(requests, [2, 3]), ask(requests, [4]))
    assert found == [[2], [4, 6], [8]]
    assert model.batches == [4]


async def test_requests_that_come_while_a_batch_runs_wait_for_the_next() -> None:
    model = Doubler()
    model.gate.clear()
    requests = batcher(model, None)
    first = asyncio.create_task(ask(requests, [1]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the first batch is in the thread now
    others = [asyncio.create_task(ask(requests, [number])) for number in range(5)]
    await asyncio.sleep(0)
    model.gate.set()
    assert await first == [2]
    assert await asyncio.gather(*others) == [[0], [2], [4], [6], [8]]
    assert model.batches == [1, 5]


async def test_a_quick_model_runs_in_the_loop_and_another_in_the_thread() -> None:
    quick, slow = Doubler(), Doubler()
    await ask(batcher(quick, QUICK), [1])
    await ask(batcher(slow, Cost(call=0.1, row=0.0)), [1])
    assert quick.threads == {threading.get_ident()}
    assert threading.get_ident() not in slow.threads


async def test_a_batch_has_a_bound_and_a_large_request_lets_others_in_between() -> None:
    model = Doubler()
    requests = batcher(model, None)
    large = asyncio.create_task(ask(requests, range(3 * MOST_ROWS)))
    small = asyncio.create_task(ask(requests, [7]))
    assert await small == [14]
    assert not large.done()
    assert await large == [2 * number for number in range(3 * MOST_ROWS)]
    assert max(model.batches) <= MOST_ROWS


@pytest.mark.parametrize("cost", [QUICK, None])
async def test_one_bad_request_does_not_fail_the_others_of_its_batch(cost: Cost | None) -> None:
    requests = batcher(Doubler(), cost)
    found = await asyncio.gather(ask(requests, [1]), ask(requests, [-1]), ask(requests, [3]), return_exceptions=True)
    assert found[0] == [2]
    assert found[2] == [6]
    assert isinstance(found[1], QuarterdeckError)
    assert "ValueError: negative" in str(found[1])


async def test_a_request_that_was_given_up_does_not_disturb_its_batch() -> None:
    model = Doubler()
    model.gate.clear()
    requests = batcher(model, None)
    gone, stays = asyncio.create_task(ask(requests, [1])), asyncio.create_task(ask(requests, [2]))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    model.gate.set()
    assert await stays == [4]
    assert gone.cancelled()
    assert await ask(requests, [3]) == [6]


def test_rows_reach_the_predictor_as_columns_by_name() -> None:
    class Difference:
        def predict(self, columns: Columns) -> Answers:
            values = [a - b for a, b in zip(columns["a"], columns["b"], strict=True)]
            return Answers(values=values, labels=None, probabilities=None, scores=np.array(values))

    answers = Model(Difference(), ["a", "b"]).ask([(5.0, 1.0), (7.0, 2.0)])
    assert answers == Plain(values=[4.0, 5.0], labels=None, probabilities=None, scores=[4.0, 5.0])


@pytest.mark.parametrize("scores", [np.zeros(1), np.zeros(3), np.zeros((2, 1)), np.zeros(0)])
def test_scores_that_are_not_one_a_row_are_a_failure(scores: np.ndarray) -> None:
    class Odd:
        def predict(self, columns: Columns) -> Answers:
            return Answers(values=[0.0, 0.0], labels=None, probabilities=None, scores=scores)

    answer = Model(Odd(), ["x"]).ask([(1.0,), (2.0,)])
    assert isinstance(answer, QuarterdeckError)
    assert "asked for 2 rows" in answer.message


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0, 3.0]])
async def test_a_request_never_gets_the_answers_of_another(values: list[float]) -> None:
    class Odd:
        def predict(self, columns: Columns) -> Answers:
            return Answers(values=values, labels=None, probabilities=None, scores=np.array(values))

    requests = Batcher(Model(Odd(), ["x"]), asyncio.get_running_loop(), ThreadPoolExecutor(1), None)
    found = await asyncio.gather(ask(requests, [1, 2]), ask(requests, [3, 4]), return_exceptions=True)
    assert all(isinstance(one, QuarterdeckError) for one in found)


def test_the_estimate_grows_with_the_rows() -> None:
    cost = Cost(call=0.0005, row=0.00001)
    assert cost.quick(10)
    assert not cost.quick(1_000)
