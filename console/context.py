"""What every command and screen works with: the workspace, its settings, its databases, and who is acting."""

from __future__ import annotations

import getpass
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from quarterdeck.core.clock import utc_now
from quarterdeck.core.settings import Settings, read_settings
from quarterdeck.store.workspace import Workspace, find_workspace

if TYPE_CHECKING:
    from quarterdeck.store.engine import Database


def current_actor() -> str:
    """The operating system's user; behind sudo also the person who called it."""
    user = getpass.getuser()
    caller = os.environ.get("SUDO_USER")
    return f"{caller} as {user}" if caller and caller != user else user


class Console:
    """An open workspace. Databases are opened when first asked for; close() closes what was opened."""

    def __init__(self, workspace: Workspace, settings: Settings, *, actor: str, read_only: bool = False) -> None:
        self.workspace = workspace
        self.settings = settings
        self.actor = actor
        self.read_only = read_only

    @classmethod
    def open(cls, explicit: Path | None = None, *, read_only: bool = False) -> Console:
        """The workspace named by `--workspace` or QUARTERDECK_WORKSPACE, or found upwards from here."""
        named = explicit or (Path(env) if (env := os.environ.get("QUARTERDECK_WORKSPACE")) else None)
        workspace = find_workspace(Path.cwd(), named)
        return cls(workspace, read_settings(workspace.settings_file), actor=current_actor(), read_only=read_only)

    @property
    def environment(self) -> str:
        return self.settings.environment

    @property
    def person(self) -> str:
        """Whose rights count: the one who acts, whatever account they act through."""
        return self.actor.partition(" as ")[0]

    @cached_property
    def database(self) -> Database:
        # start-up time: the terminal console's first frame does not wait for the database's libraries
        from quarterdeck.store.engine import Database
        from quarterdeck.store.migrate import migrate

        self.workspace.prepare_state()
        url = self.settings.database_url
        database = Database(url) if url else Database.sqlite(self.workspace.database)
        migrate(database, backup_to=self.workspace.state / "backups", now=utc_now())
        return database

    @cached_property
    def traffic(self) -> Database:
        from quarterdeck.store.traffic import open_traffic  # start-up time, as above

        self.workspace.prepare_state()
        return open_traffic(self.workspace.traffic_database)

    def close(self) -> None:
        for name in ("database", "traffic"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
