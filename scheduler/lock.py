"""One daemon per workspace: a lock on a file, which the system lets go when the process ends, however it ends.

The file says who holds it, and how that one is: written in place into room that was taken at the start, so that it can
be said as well where the disk is full, or the database locked or gone.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quarterdeck.core.errors import ConflictError
from quarterdeck.store.services import process_started, same_process

NAME = "daemon.lock"
ROOM = 8192  # bytes


class LockFile:
    """The lock while it is held."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def say(self, how: dict[str, Any]) -> None:
        """Replace what the file says of its holder; what does not fit is left out."""
        said = {"process_started": process_started(os.getpid()), **how}
        text = f"{os.getpid()}\n{json.dumps(said)}\n"
        if len(text.encode()) > ROOM:
            text = f"{os.getpid()}\n{json.dumps({key: said[key] for key in said if not isinstance(said[key], dict)})}\n"
        self._write(text)

    def clear(self) -> None:
        """Say that nobody holds it."""
        self._write("")

    def _write(self, text: str) -> None:
        os.pwrite(self._descriptor, text.encode()[:ROOM].ljust(ROOM, b"\n"), 0)

    def is_there(self) -> bool:
        """Whether the path still leads to the file that is locked."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._descriptor))
        except OSError:
            return False


@contextmanager
def single_instance(path: Path) -> Iterator[LockFile]:
    """Hold the lock while inside; ConflictError, naming the holder, if another process has it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").partition("\n")[0].strip() or "unknown"
            raise ConflictError(
                f"a daemon already runs for this workspace (process {holder})",
                where=str(path),
                hint="`quarterdeck daemon status` shows it, `quarterdeck daemon stop` stops it",
            ) from error
        lock = LockFile(path, descriptor)
        lock.say({})
        try:
            yield lock
        finally:
            lock.clear()
    finally:
        os.close(descriptor)


def read_lock(path: Path) -> dict[str, Any] | None:
    """What the holder of a lock says of itself; None where nobody holds it. Takes no lock, not even for a moment."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        pid, _, rest = os.pread(descriptor, ROOM, 0).decode(errors="replace").partition("\n")
        said = json.loads(rest)
    except ValueError:  # nobody, or read in the moment that it was written
        return None
    finally:
        os.close(descriptor)
    if not pid.isdigit() or not same_process(int(pid), said.get("process_started") or 0.0):
        return None
    return {"pid": int(pid), **said}
