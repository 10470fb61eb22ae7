"""What git says of a workspace: which commit it is at, and whether files differ from it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """`dirty`: tracked files differ from the commit, or there are new ones."""

    sha: str
    dirty: bool


def head(folder: Path) -> Commit | None:
    """The commit a folder is at; None without git, outside a repository, or before the first commit."""
    sha = _git(folder, "rev-parse", "HEAD")
    status = _git(folder, "status", "--porcelain", "--", ".")
    return None if sha is None or status is None else Commit(sha=sha, dirty=bool(status))


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  # a list, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607  # the user's own git
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
