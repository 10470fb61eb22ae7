"""One of the processes that drive an endpoint: `python -m quarterdeck.scheduler.load_child`.

Its first line on stdin is the order, as load.py writes it; it says that it is ready, and begins at the second line.
On stdout it says four times a second how far it is, and at the end what it counted. It ends early on SIGTERM or SIGINT,
and where its parent has gone.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from quarterdeck.core.statistics.histogram import Histogram
from quarterdeck.scheduler.reaching import trusting

TIMEOUT_S = 10.0
SAY_S = 0.25
TICK_S = 0.01
PAUSE_S = 0.05  # of a connection whose request failed: a server that is down is not hammered
LONGEST_QUEUE = 10_000  # requests that are due and wait for a connection; more are not sent, and counted as errors
OPEN_CONNECTIONS = 64
_HEADERS = {"content-type": "application/json"}


class Driver:
    """Sends, times and counts. Times are seconds of the loop's clock since the start."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._order = order
        self._ramp: float = order["ramp"]
        self._end: float = order["ramp"] + order["duration"]
        self._latency = Histogram()
        self._lag = Histogram()
        self._errors: Counter[str] = Counter()
        self._done = 0  # with those of the ramp
        self._waited_for = 0  # begun after the ramp, and not counted yet
        self._computed = 0.0  # seconds of this process's work when the ramp was over
        self._last = self._ramp  # when the last answer that counts came
        self._turn = 0
        self._over = asyncio.Event()
        self._interrupted = False
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    def interrupt(self) -> None:
        """Send nothing more, and do not wait for what is under way."""
        self._interrupted = True
        self._over.set()

    async def run(self) -> dict[str, Any]:
        """Everything; what is said at the end."""
        workers = self._order["connections"] or OPEN_CONNECTIONS
        limits = httpx.Limits(max_connections=workers, max_keepalive_connections=workers)
        # trust_env: a proxy has no place between this process and a server of the same machine
        certificate = self._order["certificate"]
        verify = True if certificate is None else trusting(Path(certificate))
        async with httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits, verify=verify, trust_env=False) as client:
            headers = {**_HEADERS, **self._order["headers"]}
            self._requests = [
                client.build_request("POST", self._order["url"], content=body, headers=headers)
                for body in self._order["bodies"]
            ]
            self._client = client
            self._began = self._loop.time()
            self._loop.call_later(self._ramp, self._measure_work)
            beside = [asyncio.create_task(self._say()), asyncio.create_task(self._watch_itself())]
            await (self._closed(workers) if self._order["connections"] else self._open(workers))
            for task in beside:
                task.cancel()
        return self._result()

    async def _watch_itself(self) -> None:
        """How late this process is by itself: it measures that too in every latency."""
        while True:
            wanted = self._now() + TICK_S
            await asyncio.sleep(TICK_S)
            if wanted >= self._ramp:
                self._lag.add(round((self._now() - wanted) * 1e6))

    def _measure_work(self) -> None:
        self._computed = time.process_time()

    async def _closed(self, workers: int) -> None:
        await self._until_over([self._connection(number / workers * self._ramp) for number in range(workers)])

    async def _connection(self, begins: float) -> None:
        await self._sleep_until(begins)
        while not self._over.is_set() and (now := self._now()) < self._end:
            self._waited_for += now >= self._ramp
            if not await self._ask(now):
                await asyncio.sleep(PAUSE_S)

    async def _open(self, workers: int) -> None:
        queue: asyncio.Queue[float | None] = asyncio.Queue()
        await self._until_over([self._timetable(queue, workers), *(self._served(queue) for _ in range(workers))])

    async def _timetable(self, queue: asyncio.Queue[float | None], workers: int) -> None:
        """Every request when it is due; this process's are every `of`-th of all."""
        number = self._order["place"]
        while not self._over.is_set() and (due := self._due(number)) < self._end:
            await self._sleep_until(due)
            self._waited_for += due >= self._ramp
            if queue.qsize() < LONGEST_QUEUE:
                queue.put_nowait(due)
            else:
                self._count(due, "not sent: too many wait")
            number += self._order["of"]
        for _ in range(workers):
            queue.put_nowait(None)

    def _due(self, number: int) -> float:
        """When the number-th request of all is due: the rate grows from nothing through the ramp, and then stays."""
        rate, ramp = self._order["rate"], self._ramp
        in_ramp = rate * ramp / 2
        if number < in_ramp:
            return float((2 * ramp * number / rate) ** 0.5)
        return float(ramp + (number - in_ramp) / rate)

    async def _served(self, queue: asyncio.Queue[float | None]) -> None:
        while (due := await queue.get()) is not None:
            await self._ask(due)

    async def _ask(self, due: float) -> bool:
        """Whether it was answered."""
        request = self._requests[self._turn % len(self._requests)]
        self._turn += 1
        try:
            answer = await self._client.send(request)
            problem = None if answer.status_code == 200 else f"HTTP {answer.status_code}"
        except httpx.TimeoutException:
            problem = f"no answer within {TIMEOUT_S:g} s"
        except httpx.HTTPError as error:
            problem = type(error).__name__
        self._count(due, problem)
        return problem is None

    def _count(self, due: float, problem: str | None) -> None:
        self._done += 1
        if due < self._ramp:
            return
        self._waited_for -= 1
        self._last = max(self._last, self._now())
        if problem is None:
            self._latency.add(round((self._now() - due) * 1e6))
        else:
            self._errors[problem] += 1

    async def _until_over(self, work: list[Any]) -> None:
        """All of it, until it is interrupted, or until the last answers have had their time."""
        tasks = [asyncio.ensure_future(item) for item in work]
        over = asyncio.ensure_future(self._over.wait())
        everything = asyncio.gather(*tasks, return_exceptions=True)
        patience = self._end + TIMEOUT_S - self._now()
        ends: list[asyncio.Future[Any]] = [everything, over]
        await asyncio.wait(ends, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not self._interrupted and self._waited_for:
            self._errors[f"no answer within {TIMEOUT_S:g} s"] += self._waited_for
        over.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _sleep_until(self, due: float) -> None:
        rest = due - self._now()
        if rest > 0:
            await asyncio.sleep(rest)

    async def _say(self) -> None:
        """Until nobody listens any more: then nothing more is sent."""
        with suppress(BrokenPipeError):
            while os.getppid() == self._order["parent"]:
                _print({"elapsed": self._now(), "done": self._done, "errors": self._errors.total()})
                await asyncio.sleep(SAY_S)
        self.interrupt()

    def _now(self) -> float:
        return self._loop.time() - self._began

    def _result(self) -> dict[str, Any]:
        """What was counted. A ramp that was interrupted has nothing to say."""
        measured = self._now() - self._ramp
        busy = (time.process_time() - self._computed) / measured if measured > 0.1 else 0.0
        part = {
            "latency": self._latency.to_json(),
            "errors": dict(self._errors),
            "seconds": max(self._last - self._ramp, 0.0 if self._interrupted else self._order["duration"]),
            "busy": busy,
            "lag_ms": (self._lag.quantile(0.99) or 0) / 1000,
            "interrupted": self._interrupted,
        }
        return {"result": part}


def _print(what: Mapping[str, Any]) -> None:
    print(json.dumps(what), flush=True)


async def _drive(order: Mapping[str, Any]) -> None:
    driver = Driver(order)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, driver.interrupt)
    _print(await driver.run())


def main() -> None:
    order = json.loads(sys.stdin.readline())
    _print({"ready": True})
    if sys.stdin.readline():  # else whoever ordered it has gone
        with suppress(BrokenPipeError):
            asyncio.run(_drive(order))


if __name__ == "__main__":
    main()
