"""The secret of a webhook: from the environment, or from a file that only its owner reads. It is kept nowhere else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from quarterdeck.core.errors import UnavailableError
from quarterdeck.core.standard_webhooks import read_secrets

_LONGEST = 1_024  # bytes of the file that are read


def webhook_keys(secret: str, root: Path) -> tuple[bytes, ...]:
    """The keys that `env:NAME` or `file:PATH` (from the workspace's folder) holds, two while one is changed.

    The error does not show them.
    """
    kind, _, place = secret.partition(":")
    if kind == "env":
        found = os.environ.get(place, "")
        if not found.strip():
            raise UnavailableError(
                f"the webhook's secret is not set: the daemon has no environment variable {place}",
                hint="set it where the daemon is started, and start it again",
            )
        return read_secrets(found.strip())
    return read_secrets(_read(root / place))


def _read(path: Path) -> str:
    try:
        # without waiting: a pipe with nobody at its other end must not hold up the daemon
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - a descriptor
            found = os.fstat(file.fileno())
            mode = stat.S_IMODE(found.st_mode)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or mode & 0o177:
                raise UnavailableError(
                    f"the webhook's secret must be a file of {os.geteuid()} with mode 0600, and is of {found.st_uid} "
                    f"with mode {mode:04o}: others may know it",
                    where=str(path),
                    hint=f"chmod 600 {path}, and another secret if others could read it",
                )
            return file.read(_LONGEST).decode(errors="replace").strip()
    except OSError as error:
        raise UnavailableError(f"the webhook's secret cannot be read: {error.strerror}", where=str(path)) from error
