"""How many rows a process has answered, where that outlives a kill, and how many of them reached the log.

What was answered and dropped stands in a small file of shared memory: written in a few nanoseconds, and there when the
process has gone. What was logged is a row of traffic.db that the transaction which appends the rows raises, so that it
is exact whenever the kill came. Whoever finds the file of a process that has gone adds what is missing to one sum,
once: taking that row out and adding to the sum is one transaction.

A living process holds a lock on its file; the system lets go of it with the process, however that ended.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from quarterdeck.core.ids import new_id
from quarterdeck.store.engine import Database
from quarterdeck.store.traffic_writers import add_lost, begin_writer, end_writer, raise_logged

_SUFFIX = ".rows"
_ANSWERED, _DROPPED = 0, 1
_SIZE = 16  # bytes: two integers


class Rows(Protocol):
    """What the prediction log tells of its rows. The first two are called in the loop, the last in its writer."""

    def answered(self, rows: int) -> None: ...

    def dropped(self, rows: int) -> None: ...

    def logged(self, tx: Connection, rows: int) -> None: ...


class NoLogbook:
    """Where nobody asks."""

    def answered(self, rows: int) -> None: ...

    def dropped(self, rows: int) -> None: ...

    def logged(self, tx: Connection, rows: int) -> None: ...


class Logbook:
    """Of this process."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._database = database
        self._name = new_id()
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / f"{self._name}{_SUFFIX}"
        draft = self._path.with_suffix(".draft")
        self._descriptor = os.open(draft, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._descriptor, _SIZE)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self._memory = memoryview(mmap.mmap(self._descriptor, _SIZE)).cast("q")
        with database.write() as tx:
            begin_writer(tx, self._name)
        draft.rename(self._path)  # locked, and known to traffic.db: nobody takes it for that of one who has gone

    def answered(self, rows: int) -> None:
        self._memory[_ANSWERED] += rows

    def dropped(self, rows: int) -> None:
        self._memory[_DROPPED] += rows

    def logged(self, tx: Connection, rows: int) -> None:
        raise_logged(tx, self._name, rows)

    def close(self) -> None:
        """The process ends as it should; what it could not log is counted as lost."""
        _settle(self._database, self._path, self._memory[_ANSWERED], self._memory[_DROPPED])
        os.close(self._descriptor)


def settle_the_lost(folder: Path, database: Database) -> int:
    """Add up the rows of processes that have gone; how many never reached the log."""
    lost = 0
    for path in folder.glob(f"*{_SUFFIX}"):
        descriptor = _take(path)
        if descriptor is None:
            continue
        try:
            data = os.pread(descriptor, _SIZE, 0)
            answered, dropped = memoryview(data).cast("q") if len(data) == _SIZE else (0, 0)
            lost += _settle(database, path, answered, dropped)
        finally:
            os.close(descriptor)
    return lost


def _take(path: Path) -> int | None:
    """The file of a process that has gone, locked: nobody else settles it meanwhile. None for another's."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:  # another was faster
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _settle(database: Database, path: Path, answered: int, dropped: int) -> int:
    with database.write() as tx:
        logged = end_writer(tx, path.stem)
        lost = 0 if logged is None else max(0, answered - dropped - logged)  # None: it was added before
        add_lost(tx, lost)
    path.unlink(missing_ok=True)
    return lost
