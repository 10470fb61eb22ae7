"""A server of several processes on one port: the first one starts the others and keeps them up.

Each listens on a socket of its own, so that the kernel spreads the connections. The others hold the reading end of a
pipe from the first. When that one has gone, however it went, they go on answering until another server of the
workspace is ready, or for ORPHANED_S where none comes; then they answer what they have, and end.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

FIRST_BACKOFF_S = 0.5
LAST_BACKOFF_S = 30.0
STEADY_S = 10.0  # up for so long, and the backoff begins anew
ORPHANED_S = 60.0
LOOK_S = 0.25
STOP_S = 8.0  # for what is being answered


class _Member:
    """One process beside the first."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.backoff = FIRST_BACKOFF_S


class Family:
    """The processes beside this one. tick() about every second; close() before this one ends."""

    def __init__(
        self, workspace: Path, size: int, *, host: str, port: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`size` with this process, which listens at `host` and `port`."""
        self._workspace = workspace
        self._host = host
        self._port = port
        self._clock = clock
        self._members = [_Member(place) for place in range(1, size)]

    def tick(self) -> None:
        """Start who does not run, unless it has just died again and again."""
        for member in self._members:
            self._see_to(member)

    def pids(self) -> list[int]:
        return [member.process.pid for member in self._members if member.process is not None]

    def close(self) -> None:
        """Let them answer what they have, and end."""
        running = [member.process for member in self._members if member.process is not None]
        for process in running:
            process.terminate()
            _forget(process)
        deadline = self._clock() + STOP_S
        for process in running:
            try:
                process.wait(timeout=max(0.1, deadline - self._clock()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _see_to(self, member: _Member) -> None:
        now = self._clock()
        if member.process is not None and member.process.poll() is None:
            if now - member.started > STEADY_S:
                member.backoff = FIRST_BACKOFF_S
            return
        if member.process is not None:
            if now - member.started < member.backoff:
                return
            log.warning("process %s of the server ended with %s", member.process.pid, member.process.returncode)
            _forget(member.process)
            member.backoff = min(member.backoff * 2, LAST_BACKOFF_S)
        member.started = now
        member.process = subprocess.Popen(  # noqa: S603  # a list, no shell
            [sys.executable, "-m", "quarterdeck.scheduler.serving", "--workspace", str(self._workspace),
             "--host", self._host, "--port", str(self._port), "--place", str(member.place)],
            stdin=subprocess.PIPE,
            start_new_session=True,  # a ctrl+c in the terminal is the first one's to hear
        )  # fmt: skip


def _forget(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
