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


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """The last commit of a branch that touched a folder."""

    sha: str
    subject: str  # the first line of its message
    author: str


def is_repository(folder: Path) -> bool:
    """Whether a folder lies in a work tree of git."""
    return _git(folder, "rev-parse", "--is-inside-work-tree") == "true"


def has_branch(folder: Path, branch: str) -> bool:
    """Whether there is a commit by this name."""
    return _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{branch}^{{commit}}") is not None


def last_change(folder: Path, branch: str) -> Change | None:
    """The newest commit of a branch that touched a folder; None where there is none, or no such branch."""
    form = "--format=%H%x00%s%x00%an"
    said = _git(folder, "log", "-1", form, "--end-of-options", branch, "--", ".")
    if not said:
        return None
    sha, subject, author = said.split("\0")
    return Change(sha=sha, subject=subject, author=author)


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
