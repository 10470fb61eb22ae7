"""The secret by which a workspace's own commands ask its prediction server, where that requires a token.

It lies in `.quarterdeck/`, which only its owner reads; who can read it could change the table of tokens as well. A
server makes it anew where it is not there: to change it, delete the file and start the server again.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from quarterdeck.core.errors import UnavailableError
from quarterdeck.store.workspace import Workspace

NAME = "server-secret"
_SHORTEST = 32  # characters; a file that was not written whole has fewer


def local_secret(workspace: Workspace) -> str:
    """The secret, made where there is none. Several processes may call this at once and get the same."""
    path = _path(workspace)
    try:
        found = read_local_secret(workspace)
        if found is None:
            _make(path)
            found = read_local_secret(workspace)
        if found is None:  # what is there is not whole, or others may have read it
            path.unlink(missing_ok=True)
            _make(path)
            found = read_local_secret(workspace)
    except OSError as error:
        raise UnavailableError(f"cannot be used: {error.strerror}", where=str(path)) from error
    if found is None:
        raise UnavailableError("it cannot be kept", where=str(path), hint="look at the space on the disk")
    return found


def read_local_secret(workspace: Workspace) -> str | None:
    """The secret, or None where no server has made one, or others may read it."""
    try:
        with _path(workspace).open("rb") as file:
            about = os.fstat(file.fileno())
            text = file.read(1_024).decode(errors="replace").strip()
    except OSError:
        return None
    closed = about.st_uid == os.geteuid() and not about.st_mode & 0o077
    return text if closed and len(text) >= _SHORTEST else None


def _make(path: Path) -> None:
    """Written aside and linked into place: it is there whole or not at all, and the first one stays."""
    aside = path.with_name(f"{NAME}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:  # noqa: PTH123 - a descriptor
            file.write(secrets.token_urlsafe(32))
        path.hardlink_to(aside)
    except FileExistsError:
        pass
    finally:
        aside.unlink(missing_ok=True)


def _path(workspace: Workspace) -> Path:
    return workspace.state / NAME
