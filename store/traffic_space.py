"""The space that traffic.db takes, and giving it back to the disk.

SQLite keeps the pages of removed rows for new ones; only with `auto_vacuum = INCREMENTAL` can it hand them back in
small steps. A new file has it from its start (it costs a write of the log nothing that could be measured). A file that
was made without it is written anew once, by make_over(): half a second for 100 MB, during which nobody else can write.
"""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from quarterdeck.core.errors import UnavailableError
from quarterdeck.store.engine import Database

_INCREMENTAL = 2
RESERVE = 0.02  # of the file's pages: kept for the rows to come, so that not every page is moved for nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Space:
    """Of the file, without its write-ahead log."""

    used: int  # bytes that rows and indexes take
    free: int  # bytes of pages that hold nothing

    @property
    def file(self) -> int:
        return self.used + self.free


def space_of(database: Database) -> Space:
    """What the file holds now."""
    with database.bare() as connection:
        page, pages, free = (_number(connection, name) for name in ("page_size", "page_count", "freelist_count"))
    return Space(used=(pages - free) * page, free=free * page)


def gives_back(database: Database) -> bool:
    """Whether the file can be made smaller in small steps."""
    with database.bare() as connection:
        return _number(connection, "auto_vacuum") == _INCREMENTAL


def begin_new(database: Database) -> None:
    """Prepare a file without tables to give space back; does nothing where there are some."""
    with database.bare() as connection:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            _write_anew(connection)


def make_over(database: Database, path: Path) -> None:
    """Write the file anew so that it can give space back. UnavailableError where the disk has no room for a copy."""
    needed, room = 2 * path.stat().st_size, shutil.disk_usage(path.parent).free
    if room < needed:
        hint = f"make {(needed - room) >> 20:,} MB of room, and start the daemon again"
        raise UnavailableError("there is no room to write it anew once", where=str(path), hint=hint)
    with database.bare() as connection:
        _write_anew(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def give_back(database: Database, *, pages: int) -> int:
    """Hand at most so many free pages back to the disk; the bytes. Nothing while few are free, of those in use."""
    with database.bare() as connection:
        page, total, free = (_number(connection, name) for name in ("page_size", "page_count", "freelist_count"))
        if _number(connection, "auto_vacuum") != _INCREMENTAL or free <= RESERVE * total:
            return 0
        # a script: the driver takes one step of any other statement without columns, and one step is one page
        connection.executescript(f"PRAGMA incremental_vacuum({pages})")
        return (total - _number(connection, "page_count")) * page


def _write_anew(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
    connection.execute("VACUUM")


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
