"""What every command and screen works with: the workspace, its settings, its databases, and who is acting."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from quarterdeck.console.actor import client_address, current_actor
from quarterdeck.console.presented import presented_token
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import NotAllowedError, UnavailableError
from quarterdeck.core.ledger import Audit
from quarterdeck.core.rights import person_of
from quarterdeck.core.settings import Settings, read_settings
from quarterdeck.store.workspace import Workspace, find_workspace

if TYPE_CHECKING:
    from quarterdeck.store.engine import Database


class Console:
    """An open workspace. Databases are opened when first asked for; close() closes what was opened.

    `actor` is who acts; `token` the digest of the secret it was shown with, where it is a token; `client` the address
    that an ssh session says it comes from, kept with every act as information.
    """

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        *,
        actor: str,
        read_only: bool = False,
        client: str | None = None,
    ) -> None:
        self.workspace = workspace
        self.settings = settings
        self.actor = actor
        self.read_only = read_only
        self.token: str | None = None
        self.client = client

    @classmethod
    def open(cls, explicit: Path | None = None, *, read_only: bool = False) -> Console:
        """The workspace named by `--workspace` or QUARTERDECK_WORKSPACE, or found upwards from here."""
        named = explicit or (Path(env) if (env := os.environ.get("QUARTERDECK_WORKSPACE")) else None)
        workspace = find_workspace(Path.cwd(), named)
        settings = read_settings(workspace.settings_file)
        secret = presented_token(os.environ)
        client = client_address(os.environ)
        console = cls(workspace, settings, actor=current_actor(), read_only=read_only, client=client)
        if secret is not None:
            console.act_as(secret)
        return console

    def act_as(self, secret: str) -> None:
        """Be the token with this secret. One that does not count is refused, and never taken for the person."""
        # start-up time: a person's console does not wait for the database's libraries
        from quarterdeck.store import refusals, tokens

        now, sha256 = utc_now(), tokens.digest(secret)
        try:
            with self.database.read() as tx:
                self.actor, self.token = tokens.identify(tx, sha256, now).actor, sha256
        except NotAllowedError as error:
            audit = Audit(actor=self.actor, environment=self.environment, at=now, reason=error.message)
            if not (self.read_only or self.database.read_only):
                with self.database.write() as tx:
                    refusals.note(tx, audit, error, wanted="act with a token", right="act", subject="token")
            self.close()
            raise

    @property
    def environment(self) -> str:
        return self.settings.environment

    @property
    def person(self) -> str:
        """Whose rights count: the one who acts, whatever account they act through."""
        return person_of(self.actor)

    @cached_property
    def database(self) -> Database:
        # start-up time: the terminal console's first frame does not wait for the database's libraries
        from quarterdeck.store.engine import Database
        from quarterdeck.store.migrate import migrate

        url = self.settings.database_url
        if url is None and not self.workspace.database.exists():
            self._refuse_to_make_anew()
        self.workspace.prepare_state()
        database = Database(url) if url else Database.sqlite(self.workspace.database)
        migrate(database, backup_to=self.workspace.state / "backups", now=utc_now())
        return database

    def _refuse_to_make_anew(self) -> None:
        """Where a daemon has lost its database and waits for it, an empty one must not take that one's place."""
        from quarterdeck.scheduler.lock import NAME, read_lock  # a new workspace alone comes here

        waiting = read_lock(self.workspace.run / NAME)
        if waiting is not None:
            hint = "put it, or a backup, back; where a new store is to be made, end that process first"
            message = f"the database is gone, and the daemon (process {waiting['pid']}) waits for it"
            raise UnavailableError(message, where=str(self.workspace.database), hint=hint)

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
