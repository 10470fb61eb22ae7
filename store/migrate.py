"""Bring a database to the schema of this version: by itself, at start, with a backup first.

An up-to-date database costs one SELECT; Alembic is loaded only when there is something to do.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from quarterdeck.core.errors import UnavailableError
from quarterdeck.store.engine import Database

HEAD = "0011"  # the newest revision in migrations/versions; a test compares them
_FOLDER = Path(__file__).parent / "migrations"


def revision(database: Database) -> str | None:
    """The schema's revision, or None for an empty database."""
    with database.read() as connection:
        return _revision(connection)


def migrate(database: Database, *, backup_to: Path | None, now: datetime) -> str | None:
    """Upgrade to HEAD if need be; gives the revision it was at.

    Several processes may call this at once: the write lock lets one through, the others find it done.
    Raises UnavailableError for a database that a newer Quarterdeck made.
    """
    found = revision(database)
    if found == HEAD:
        return found
    if found is not None and found > HEAD:
        raise UnavailableError(
            f"the store has schema {found}, this Quarterdeck knows schemas up to {HEAD}",
            where=database.url.removeprefix("sqlite:///"),
            hint="upgrade Quarterdeck, or restore the backup that was made before the store was upgraded",
        )
    if found is not None and backup_to is not None and database.is_sqlite:
        _back_up(Path(database.url.removeprefix("sqlite:///")), backup_to, found, now)
    with database.write() as connection:
        if _revision(connection) != HEAD:
            _upgrade(connection)
    return found


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    # start-up time: most starts find the schema up to date
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _back_up(source: Path, folder: Path, found: str, now: datetime) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"{source.stem}-{found}-{now:%Y%m%dT%H%M%S}.db"
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    target.chmod(0o600)
    return target
