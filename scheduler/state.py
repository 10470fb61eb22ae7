"""What every long-running process holds open: the workspace, its settings and its two databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from quarterdeck.core.clock import utc_now
from quarterdeck.core.settings import Settings, read_settings
from quarterdeck.store.engine import Database
from quarterdeck.store.migrate import migrate
from quarterdeck.store.traffic import open_traffic
from quarterdeck.store.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """An open workspace."""

    workspace: Workspace
    settings: Settings
    database: Database
    traffic: Database

    @property
    def environment(self) -> str:
        return self.settings.environment


@contextmanager
def open_state(workspace: Workspace) -> Iterator[State]:
    """Open a workspace, bringing its schema up to date; both databases are closed at the end, however it comes."""
    settings = read_settings(workspace.settings_file)
    workspace.prepare_state()
    url = settings.database_url
    database = Database(url) if url else Database.sqlite(workspace.database)
    try:
        migrate(database, backup_to=workspace.state / "backups", now=utc_now())
        traffic = open_traffic(workspace.traffic_database)
        try:
            yield State(workspace=workspace, settings=settings, database=database, traffic=traffic)
        finally:
            traffic.close()
    finally:
        database.close()
