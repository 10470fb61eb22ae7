"""Put the daemon's unit where systemd finds it: whole or not at all, and never over somebody else's."""

from __future__ import annotations

import getpass
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from quarterdeck.console.acts.guard import check_right
from quarterdeck.console.context import Console
from quarterdeck.core.errors import ConflictError, UnavailableError, UsageError
from quarterdeck.core.rights import Right
from quarterdeck.core.systemd import MARK, Unit, unit_name, unit_text

SYSTEM = Path("/etc/systemd/system")


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A unit that could be installed."""

    path: Path
    text: str
    user_manager: bool


def plan_unit(console: Console, *, user_manager: bool, account: str | None) -> Planned:
    """The unit of this workspace for this Python. Changes nothing."""
    root = console.workspace.root
    if any(character in str(root) for character in "\n\r"):
        raise UsageError("a workspace with a line break in its path has no unit", where=repr(str(root)))
    unit = Unit(
        workspace=root,
        python=Path(sys.executable),
        user_manager=user_manager,
        account=account or getpass.getuser(),
        memory_mb=console.settings.memory_mb,
        also_writes=_elsewhere(console),
    )
    folder = _user_folder() if user_manager else SYSTEM
    return Planned(path=folder / unit_name(root), text=unit_text(unit), user_manager=user_manager)


def install_unit(console: Console, planned: Planned) -> bool:
    """Write the unit; False if it is there already, word for word. ConflictError over a file of another's."""
    check_right(console, Right.OPERATE, act="daemon_install", subject="daemon")
    path = planned.path
    try:
        found = path.read_text() if path.exists() else None
        if found == planned.text:
            return False
        if found is not None and MARK not in found:
            hint = "move it away, or print the unit with --print and put it where you want it"
            raise ConflictError(
                "a unit of this name is there, and Quarterdeck did not write it", where=str(path), hint=hint
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(path, planned.text)
    except OSError as error:
        hint = "as root, or with --user for a service of your own; --print only shows it"
        raise UnavailableError(f"cannot be written: {error.strerror}", where=str(path), hint=hint) from error
    return True


def _write_whole(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _user_folder() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def _elsewhere(console: Console) -> tuple[Path, ...]:
    """Folders outside the workspace that a setting names and the daemon writes to."""
    url, artifacts = console.settings.database_url, console.settings.artifacts_url
    found = []
    if url is not None and url.startswith("sqlite:///"):
        found.append(Path(url.removeprefix("sqlite:///")).parent)
    if artifacts is not None and artifacts.startswith("file://"):
        found.append(Path(artifacts.removeprefix("file://")))
    return tuple(path for path in found if path.is_absolute() and not path.is_relative_to(console.workspace.root))
