"""Is what the daemon stands on still there: the workspace's folder, and the very database file that it has open.

SQLite goes on working on a file that was deleted or replaced, and what is written to it then is lost with it.
"""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

from quarterdeck.scheduler.lock import LockFile
from quarterdeck.store.engine import Database
from quarterdeck.store.workspace import Workspace


class Footing(Enum):
    """How it stands with workspace and database."""

    FIRM = "firm"
    GONE = "gone"  # nothing can be done until it is back
    REPLACED = "replaced"  # something is there, and it is not what was opened: to be opened anew


class Ground:
    """Remembers what was opened, and looks whether it is there; three looks at the file system."""

    def __init__(self, workspace: Workspace, database: Database, lock: LockFile | None = None) -> None:
        self._workspace = workspace
        self._lock = lock
        self._file = Path(database.place) if database.is_sqlite else None
        self._seen = None if self._file is None else _identity(self._file)
        self.problem: str | None = None

    def look(self) -> Footing:
        """How it stands now; `problem` says it in words."""
        footing, self.problem = self._found()
        return footing

    def _found(self) -> tuple[Footing, str | None]:
        root = self._workspace.root
        if not self._workspace.settings_file.exists():
            return Footing.GONE, f"the workspace is gone: there is no {self._workspace.settings_file}"
        if self._file is not None and (now := _identity(self._file)) != self._seen:
            if now is None:
                return Footing.GONE, f"the database is gone: there is no {self._file}; put it, or a backup, back"
            return Footing.REPLACED, f"the database was replaced by another file: {self._file}"
        if self._lock is not None and not self._lock.is_there():
            if not self._workspace.run.exists():
                return Footing.GONE, f"the workspace's state is gone: there is no {self._workspace.run}"
            return Footing.REPLACED, f"the workspace {root} was replaced by another"
        return Footing.FIRM, None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - os.stat, for a path that may be anything
    except OSError:
        return None
    return found.st_dev, found.st_ino
