"""One daemon per workspace: a lock on a file, which the system lets go when the process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from quarterdeck.core.errors import ConflictError


@contextmanager
def single_instance(path: Path) -> Iterator[None]:
    """Hold the lock while inside; ConflictError, naming the holder, if another process has it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise ConflictError(
                f"a daemon already runs for this workspace (process {holder})",
                where=str(path),
                hint="`quarterdeck daemon status` shows it, `quarterdeck daemon stop` stops it",
            ) from error
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
