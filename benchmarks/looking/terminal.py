"""A program in a pseudo-terminal: when its screen first shows something, what it sends, and what it costs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pexpect
import psutil
import pyte

PATIENCE_S = 60.0


class Terminal:
    """Counts every byte; `until` gives the seconds since the program was started."""

    def __init__(
        self, command: Sequence[str], *, columns: int = 80, rows: int = 24, folder: Path | None = None
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        environment = dict(os.environ) | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        environment.pop("NO_COLOR", None)
        self.started = time.monotonic()
        self._child = pexpect.spawn(
            command[0], list(command[1:]), dimensions=(rows, columns), env=environment, cwd=folder
        )
        self._process = psutil.Process(self._child.pid)
        self.bytes = 0

    @property
    def text(self) -> str:
        return "\n".join(self._screen.display)

    def read(self, seconds: float = 0.0) -> bool:
        """What comes within so long; whether anything came."""
        try:
            got = self._child.read_nonblocking(1 << 20, timeout=seconds)
        except pexpect.TIMEOUT:
            return False
        except pexpect.EOF:
            raise EOFError(f"{self._child.args} has ended:\n{self.text}") from None
        self.bytes += len(got)
        self._stream.feed(got)
        return True

    def until(self, holds: Callable[[str], bool], patience: float = PATIENCE_S) -> float:
        """Seconds since the start when the screen first holds it."""
        deadline = time.monotonic() + patience
        while not holds(self.text):
            if time.monotonic() > deadline:
                raise TimeoutError(f"it never came about:\n{self.text}")
            self.read(0.01)
        return time.monotonic() - self.started

    def press(self, keys: str) -> None:
        self._child.send(keys)

    def pressed(self, keys: str, holds: Callable[[str], bool]) -> float:
        """Press, and the seconds until the screen shows what came of it."""
        begun = time.monotonic()
        self.press(keys)
        deadline = begun + PATIENCE_S
        while not holds(self.text):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{keys!r} came to nothing:\n{self.text}")
            self.read(0.001)
        return time.monotonic() - begun

    def idle(self, seconds: float) -> tuple[int, float]:
        """Bytes sent, and processor seconds used, while nobody touches it."""
        while self.read(1.0):
            pass
        before, used = self.bytes, self.cpu()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)
        return self.bytes - before, self.cpu() - used

    def cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def memory_mb(self) -> float:
        return float(self._process.memory_info().rss) / 1e6

    def close(self) -> None:
        self._child.close(force=True)
