"""Drives an endpoint of the workspace's own server, from processes of its own, with the version's expected inputs.

The version is asked by its number, so that nothing of it counts as clients' traffic. It cannot be pointed elsewhere:
the address is what the workspace's server wrote of itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from quarterdeck.core.errors import UnavailableError
from quarterdeck.core.expected import Expected
from quarterdeck.core.load import LoadReport, Part, together
from quarterdeck.core.operations import Service
from quarterdeck.core.service_spec import LoadSpec
from quarterdeck.scheduler.processes import spawn
from quarterdeck.scheduler.reaching import reach
from quarterdeck.store.workspace import Workspace

START_S = 30.0  # until a process has loaded its libraries
LATE_S = 20.0  # beyond its time: the last answers may take as long as a request may
LOOK_S = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadProgress:
    """How far it is; requests of the ramp are counted here."""

    elapsed: float
    seconds: float  # in all
    done: int
    errors: int


OnProgress = Callable[[LoadProgress], None]


class _Sender:
    """One process that sends, and the thread that reads what it says."""

    def __init__(self, order: dict[str, Any], log: Path) -> None:
        self.process = spawn(
            "quarterdeck.scheduler.load_child", log=log, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            single_threaded=True,
        )  # fmt: skip
        self.said: dict[str, Any] = {}
        self.part: Part | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._write(json.dumps(order))

    @property
    def ready(self) -> bool:
        return "ready" in self.said

    @property
    def over(self) -> bool:
        return self.process.poll() is not None and not self._reader.is_alive()

    def go(self) -> None:
        self._write("go")

    def interrupt(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _write(self, line: str) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it has died: whoever waits for it sees that
            self.process.stdin.write(f"{line}\n".encode())
            self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found = json.loads(line)
            if "result" in found:
                self.part = Part.from_json(found["result"])
            else:
                self.said |= found


class LoadRun:
    """A context manager: its processes begin when it is entered, and none is left when it ends, however it ends."""

    def __init__(
        self, workspace: Workspace, server: Service, endpoint: str, version: int, expected: Expected, spec: LoadSpec
    ) -> None:
        self._spec = spec
        self._log = workspace.logs / "load.log"
        self._seconds = (spec.ramp + spec.duration).total_seconds()
        reached = reach(workspace, server)
        self._url = f"{reached.address}/predict/{quote(endpoint)}?version={version}"
        self._headers, self._certificate = reached.headers, server.certificate
        self._bodies = _bodies(expected, spec.rows)
        self._senders: list[_Sender] = []

    def __enter__(self) -> LoadRun:
        count = self._spec.processes
        if self._spec.connections is not None:
            count = min(count, self._spec.connections)
        try:
            for place in range(count):
                self._senders.append(_Sender(self._order(place, count), self._log))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        for sender in self._senders:
            sender.close()

    def run(self, on_progress: OnProgress = lambda _: None) -> LoadReport:
        """Until it is over. UnavailableError where a process fails."""
        self._wait(lambda: all(sender.ready for sender in self._senders), START_S, lambda: None)
        for sender in self._senders:
            sender.go()
        self._wait(self._over, self._seconds + LATE_S, lambda: on_progress(self._progress()))
        return self._report()

    def stop(self) -> LoadReport:
        """End early: what was counted so far."""
        for sender in self._senders:
            sender.interrupt()
        deadline = time.monotonic() + LATE_S
        while not self._over() and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        return together([sender.part for sender in self._senders if sender.part is not None])

    def _order(self, place: int, of: int) -> dict[str, Any]:
        spec = self._spec
        connections = None
        if spec.connections is not None:
            connections = spec.connections // of + (place < spec.connections % of)
        return {
            "url": self._url,
            "headers": self._headers,
            "certificate": self._certificate,
            "bodies": self._bodies,
            "rate": spec.rate,
            "connections": connections,
            "duration": spec.duration.total_seconds(),
            "ramp": spec.ramp.total_seconds(),
            "place": place,
            "of": of,
            "parent": os.getpid(),
        }

    def _over(self) -> bool:
        return all(sender.over for sender in self._senders)

    def _wait(self, until: Callable[[], bool], seconds: float, look: Callable[[], None]) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            if time.monotonic() > deadline or any(sender.over and sender.part is None for sender in self._senders):
                raise self._died()
            look()
            time.sleep(LOOK_S)

    def _died(self) -> UnavailableError:
        return UnavailableError("a process that sends the load has failed", where=str(self._log), hint="see its log")

    def _report(self) -> LoadReport:
        parts = [sender.part for sender in self._senders if sender.part is not None]
        if len(parts) < len(self._senders):
            raise self._died()
        return together(parts)

    def _progress(self) -> LoadProgress:
        said = [sender.said for sender in self._senders]
        return LoadProgress(
            elapsed=min(max((item.get("elapsed", 0.0) for item in said), default=0.0), self._seconds),
            seconds=self._seconds,
            done=sum(item.get("done", 0) for item in said),
            errors=sum(item.get("errors", 0) for item in said),
        )


def _bodies(expected: Expected, rows: int) -> list[str]:
    """A request that begins with each of the rows, and goes round."""
    if rows == 1:
        return [json.dumps(row) for row in expected.rows]
    every = expected.rows
    starts = range(min(len(every), 20))
    return [json.dumps(list(islice(cycle(chain(every[start:], every[:start])), rows))) for start in starts]
