"""Hand one event to a command of the user's: JSON on its standard input, a process group of its own, a time-out.

An argument list, never a shell. Exit 0 says that it was taken; the last of what it printed is kept.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from quarterdeck.core.notices import Outcome, Verdict
from quarterdeck.core.receivers import Receiver

KEPT = 2_000  # bytes of what it printed
_PATIENCE_S = 2.0  # for its output to end, when it has


def hand_over(receiver: Receiver, event: Mapping[str, Any], *, root: Path, hidden: Iterable[str] = ()) -> Outcome:
    """Run it once in the workspace's folder, without the `hidden` variables of the environment."""
    environment = {name: value for name, value in os.environ.items() if name not in set(hidden)}
    try:
        process = subprocess.Popen(  # noqa: S603  # the user's own command, an argument list
            list(receiver.command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=root,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        return Outcome(verdict=Verdict.AGAIN, said=f"it cannot be started: {error.strerror or error}")
    body = json.dumps(event, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    assert process.stdin is not None and process.stdout is not None
    tail = _Tail(process.stdout)
    writer = threading.Thread(target=_write, args=(process.stdin, body), daemon=True)
    writer.start()
    try:
        code = process.wait(receiver.timeout.total_seconds())
    except subprocess.TimeoutExpired:
        code = None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # what it left behind too
        process.wait()
    writer.join(_PATIENCE_S)
    return _outcome(code, tail.text(), receiver)


def _outcome(code: int | None, printed: str, receiver: Receiver) -> Outcome:
    if code == 0:
        return Outcome(verdict=Verdict.TAKEN, status=0, said=printed)
    if code is None:
        why = f"it took more than {receiver.timeout.total_seconds():g} s, and was stopped"
    else:
        why = f"it was ended by signal {-code}" if code < 0 else f"it ended with exit {code}"
    return Outcome(verdict=Verdict.AGAIN, status=code, said=f"{why}\n{printed}".strip())


def _write(pipe: IO[bytes], body: bytes) -> None:
    with suppress(OSError), pipe:  # one that does not read it may be content all the same
        pipe.write(body)


class _Tail:
    """Reads to the end, so that the command never waits, and keeps the last of it."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._kept = b""
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            while chunk := os.read(pipe.fileno(), 65_536):
                self._kept = (self._kept + chunk)[-KEPT:]

    def text(self) -> str:
        self._thread.join(_PATIENCE_S)
        return self._kept.decode(errors="replace").strip()
