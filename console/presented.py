"""The token that a program presents instead of being a person: from a variable, or from a file that is its alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from quarterdeck.core.errors import NotAllowedError, UsageError

TOKEN = "QUARTERDECK_TOKEN"  # noqa: S105 - a variable's name
TOKEN_FILE = "QUARTERDECK_TOKEN_FILE"  # noqa: S105 - a variable's name
_LONGEST = 4_096


def presented_token(environment: Mapping[str, str]) -> str | None:
    """The secret, or None where neither variable is set.

    A variable that is set and empty is refused: a secret that a machine forgot to fill in must not make its job act as
    the account it runs under.
    """
    if TOKEN in environment and TOKEN_FILE in environment:
        raise UsageError(f"both {TOKEN} and {TOKEN_FILE} are set", hint="unset one of them")
    if TOKEN in environment:
        return _checked(environment[TOKEN], TOKEN)
    if TOKEN_FILE in environment:
        return _checked(_read(Path(environment[TOKEN_FILE])), TOKEN_FILE)
    return None


def _checked(text: str, where: str) -> str:
    secret = text.strip()
    if not secret:
        raise NotAllowedError(
            "the token is empty", where=where, hint=f"fill it in, or unset {where} to act as yourself"
        )
    return secret


def _read(path: Path) -> str:
    """What a file holds that nobody but its owner can read, who is the one who runs this."""
    try:
        # without waiting: a pipe with nobody at its other end must not hold up the command
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - a descriptor
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o177:
                raise NotAllowedError(
                    f"it must be a file of {os.geteuid()} with mode 0600, and is of {found.st_uid} with mode "
                    f"{stat.S_IMODE(found.st_mode):04o}: others may know the token",
                    where=str(path),
                    hint=f"chmod 600 {path}, and `quarterdeck token rotate NAME` if others could read it",
                )
            return file.read(_LONGEST).decode(errors="replace")
    except OSError as error:
        raise NotAllowedError(f"the token cannot be read: {error.strerror}", where=str(path)) from error
