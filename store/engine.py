"""One way to open a database, read from it, and write to it in short transactions.

SQLite runs in WAL with foreign keys on; a writer takes the write lock at its start (BEGIN IMMEDIATE), so that two
writers wait for each other instead of failing half way. The same calls work on PostgreSQL by URL.

Where the file or its folder cannot be written (a read-only disk, another's files), it is opened to be read alone.
"""

from __future__ import annotations

import copy
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from quarterdeck.core.errors import IntegrityError, QuarterdeckError, UnavailableError
from quarterdeck.store.damage import RESTORE, find_damage

BUSY_TIMEOUT_MS = 30_000  # a writer holds the lock for milliseconds; waiting this long means that something hangs


class Database:
    """An open database. Close it, or use it as a context manager."""

    def __init__(self, url: str, *, durable: bool = True) -> None:
        """`durable` syncs every commit to the disk; without it a power cut may take the last ones."""
        self.url = url
        self._check: Callable[[Connection], object] | None = None
        self.is_sqlite = url.startswith("sqlite")
        self.read_only = self.is_sqlite and only_readable(_file(url))
        options: dict[str, Any] = {"pool_size": 8, "max_overflow": 8} if self.is_sqlite else {}
        if self.read_only:
            # each connection asks anew whether somebody may be writing
            options = {"poolclass": NullPool, "creator": lambda: open_to_read(_file(url))}
        self.engine: Engine = create_engine(_with_driver(url), **options)
        if self.is_sqlite:
            _configure_sqlite(self.engine, durable=durable, read_only=self.read_only)

    @classmethod
    def sqlite(cls, path: Path, *, durable: bool = True) -> Database:
        return cls(f"sqlite:///{path}", durable=durable)

    def fenced(self, check: Callable[[Connection], object]) -> Database:
        """The same open database, each of whose writes first asks `check`, in its own transaction.

        What it raises ends the write before anything is written. Close the one that this was made from.
        """
        twin = copy.copy(self)
        twin._check = check
        return twin

    @property
    def place(self) -> str:
        """The file, or the URL without its password: what an error of this database has as its `where`."""
        return _place(self.url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view of the data; nothing written through it is kept."""
        with _explained(self.url), self.engine.connect() as connection, self._damage_named(connection):
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of it is kept, or on any error none of it."""
        self.refuse_read_only()
        with _explained(self.url), self.engine.connect() as connection:
            connection = connection.execution_options(quarterdeck_write=True)
            with connection.begin(), self._damage_named(connection):
                if self._check is not None:
                    self._check(connection)
                yield connection

    @contextmanager
    def bare(self) -> Iterator[sqlite3.Connection]:
        """SQLite's own connection, outside any transaction: for what cannot be done inside one."""
        with _explained(self.url):
            held = self.engine.raw_connection()
            try:
                driver = held.driver_connection
                assert isinstance(driver, sqlite3.Connection)
                yield driver
            finally:
                held.close()

    @contextmanager
    def _damage_named(self, connection: Connection) -> Iterator[None]:
        """Where a value could not be made of a row, look whether the rows are to blame: IntegrityError names one."""
        try:
            yield
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            first = next(find_damage(connection), None) if self.is_sqlite else None
            if first is None:
                raise
            raise IntegrityError(f"the store is damaged: {first}", where=_place(self.url), hint=RESTORE) from error

    def refuse_read_only(self) -> None:
        """UnavailableError where nothing can be written, before anybody is asked for anything."""
        if self.read_only:
            folder = _file(self.url).parent
            raise UnavailableError(f"this can only be read: {_why(folder)}", where=_place(self.url), hint=_READ_ONLY)

    def close(self) -> None:
        """Return every connection; SQLite folds its write-ahead log into the file with the last one."""
        self.engine.dispose()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ChangeWatch:
    """Tells, for a few microseconds a look, whether another connection has committed to a SQLite file."""

    def __init__(self, path: Path) -> None:
        # isolation off: a look must not open a transaction, which would freeze what it sees
        self._connection = open_to_read(path)
        self._connection.isolation_level = None
        self._seen = -1

    def changed(self) -> bool:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        changed = version != self._seen
        self._seen = version
        return bool(changed)

    def close(self) -> None:
        self._connection.close()


def only_readable(path: Path) -> bool:
    """Whether a database that is there, or the folder that SQLite needs beside it, cannot be written."""
    return os.access(path, os.F_OK) and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing, not even the files beside the database, where the folder does not let it.

    SQLite wants shared memory for a file in WAL; told that the file never changes it does without. That may be said
    only where nobody is writing: then the write-ahead log is empty or has gone.
    """
    log = path.with_name(f"{path.name}-wal")
    still = only_readable(path) and not (log.exists() and log.stat().st_size)
    uri = f"file:{quote(str(path))}?mode=ro{'&immutable=1' if still else ''}"
    return sqlite3.connect(uri, uri=True, check_same_thread=False)


def _configure_sqlite(engine: Engine, *, durable: bool, read_only: bool) -> None:
    if not read_only:
        _make_only_once(engine)

    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
        # the driver's own BEGIN is deferred; ours (below) says which kind it is
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        if read_only:
            return
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("quarterdeck_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _make_only_once(engine: Engine) -> None:
    """A file that was there when it was first opened, and is gone, is not made anew by a later connection: what would
    be written to that one is not what was there."""
    made = False

    @event.listens_for(engine, "do_connect")
    def _on_do_connect(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> None:
        nonlocal made
        path = arguments[0] if arguments else None
        if made and path and path != ":memory:" and not options.get("uri"):
            arguments[0] = f"file:{quote(str(path))}?mode=rw"
            options["uri"] = True
        made = True


_READ_ONLY = "copy the workspace to where you may write, or make the disk, the file and its folder writable"
_HINTS = {
    "locked": "another process holds the database; see `quarterdeck doctor`",
    "full": "the disk is full: free some space and try again; nothing was half-written",
    "readonly": "the database cannot be written: check the owner and the mode of the file and its folder",
    "read-only": "the database cannot be written: check the owner and the mode of the file and its folder",
    "unable to open": "check that the workspace's .quarterdeck folder exists and is yours",
    "malformed": "the file is damaged: restore the last backup beside it",
    "not a database": "the file is damaged: restore the last backup beside it",
    "disk i/o": "the disk failed: see the system's log",
}


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn the driver's errors about disk, lock and lost tables into ours; programming errors pass as they are."""
    try:
        yield
    except (OperationalError, DBAPIError, sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        if isinstance(error, QuarterdeckError):
            raise
        reason = str(getattr(error, "orig", None) or error)
        if reason.lower().startswith(("no such table", "no such column")):
            raise IntegrityError(f"the store is damaged: {reason}", where=_place(url), hint=RESTORE) from error
        for word, hint in _HINTS.items():
            if word in reason.lower():
                if word == "disk i/o" and _is_full(url):
                    hint = _HINTS["full"]
                if word == "unable to open" and url.startswith("sqlite") and only_readable(_file(url)):
                    hint = f"its last changes lie in the log beside it, which needs a folder to write: {_READ_ONLY}"
                raise UnavailableError(reason, where=_place(url), hint=hint) from error
        if isinstance(error, OperationalError) and not url.startswith("sqlite"):
            raise UnavailableError(reason.splitlines()[0], where=_place(url)) from error
        raise


def _with_driver(url: str) -> str:
    """The URL with the one driver of PostgreSQL's that is ours; SQLAlchemy's own default is an older one."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg{separator}{rest}" if scheme == "postgresql" else url


def _is_full(url: str) -> bool:
    """SQLite says "disk I/O error" as well where the disk has no room for its shared memory file."""
    folder = _file(url).parent
    return url.startswith("sqlite") and folder.exists() and shutil.disk_usage(folder).free < 1 << 20


def _why(folder: Path) -> str:
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return "it lies on a disk that is mounted read-only"
    return "you may not write the file and its folder"


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _place(url: str) -> str:
    """The file, or the URL without its password."""
    if url.startswith("sqlite:///"):
        return str(_file(url))
    from sqlalchemy import make_url

    return make_url(url).render_as_string(hide_password=True)
