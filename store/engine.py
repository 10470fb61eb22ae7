"""One way to open a database, read from it, and write to it in short transactions.

SQLite runs in WAL with foreign keys on; a writer takes the write lock at its start (BEGIN IMMEDIATE), so that two
writers wait for each other instead of failing half way. The same calls work on PostgreSQL by URL.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from quarterdeck.core.errors import QuarterdeckError, UnavailableError

BUSY_TIMEOUT_MS = 30_000  # a writer holds the lock for milliseconds; waiting this long means that something hangs


class Database:
    """An open database. Close it, or use it as a context manager."""

    def __init__(self, url: str, *, durable: bool = True) -> None:
        """`durable` syncs every commit to the disk; without it a power cut may take the last ones."""
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {"pool_size": 8, "max_overflow": 8} if self.is_sqlite else {}
        self.engine: Engine = create_engine(url, **options)
        if self.is_sqlite:
            _configure_sqlite(self.engine, durable=durable)

    @classmethod
    def sqlite(cls, path: Path, *, durable: bool = True) -> Database:
        return cls(f"sqlite:///{path}", durable=durable)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view of the data; nothing written through it is kept."""
        with _explained(self.url), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of it is kept, or on any error none of it."""
        with _explained(self.url), self.engine.connect() as connection:
            connection = connection.execution_options(quarterdeck_write=True)
            with connection.begin():
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
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        self._seen = -1

    def changed(self) -> bool:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        changed = version != self._seen
        self._seen = version
        return bool(changed)

    def close(self) -> None:
        self._connection.close()


def _configure_sqlite(engine: Engine, *, durable: bool) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
        # the driver's own BEGIN is deferred; ours (below) says which kind it is
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("quarterdeck_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


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
    """Turn the driver's errors about the disk and the lock into ours; programming errors pass as they are."""
    try:
        yield
    except (OperationalError, DBAPIError, sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        if isinstance(error, QuarterdeckError):
            raise
        reason = str(getattr(error, "orig", None) or error)
        for word, hint in _HINTS.items():
            if word in reason.lower():
                if word == "disk i/o" and _is_full(url):
                    hint = _HINTS["full"]
                raise UnavailableError(reason, where=_place(url), hint=hint) from error
        if isinstance(error, OperationalError) and not url.startswith("sqlite"):
            raise UnavailableError(reason.splitlines()[0], where=_place(url)) from error
        raise


def _is_full(url: str) -> bool:
    """SQLite says "disk I/O error" as well where the disk has no room for its shared memory file."""
    folder = Path(url.removeprefix("sqlite:///")).parent
    return url.startswith("sqlite") and folder.exists() and shutil.disk_usage(folder).free < 1 << 20


def _place(url: str) -> str:
    """The file, or the URL without its password."""
    if url.startswith("sqlite:///"):
        return url.removeprefix("sqlite:///")
    from sqlalchemy import make_url

    return make_url(url).render_as_string(hide_password=True)
