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

NAME = "daemon.lock"
ROOM = 8192  # bytes


class LockFile:
    """The lock while it is held."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def say(self, how: dict[str, Any]) -> None:
        """Replace what the file says of its holder; what does not fit is left out."""
        text = f"{os.getpid()}\n{json.dumps(how)}\n"
        if len(text.encode()) > ROOM:
            text = f"{os.getpid()}\n{json.dumps({key: how[key] for key in how if not isinstance(how[key], dict)})}\n"
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
        yield lock
        lock.say({})
    finally:
        os.close(descriptor)


def read_lock(path: Path) -> dict[str, Any] | None:
    """What the holder of a lock says of itself; None where nobody holds it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        pid, _, rest = os.pread(descriptor, ROOM, 0).decode(errors="replace").partition("\n")
        try:
            said = json.loads(rest.strip() or "{}")
        except ValueError:  # read while it was written
            said = {}
        return {"pid": int(pid) if pid.strip().isdigit() else None, **(said if isinstance(said, dict) else {})}
    finally:
        os.close(descriptor)
