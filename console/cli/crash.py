"""Where the traceback of an unforeseen error goes. Loads nothing of ours: it works when that cannot load."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_logs: list[Path] = []


def logs_are_in(folder: Path) -> None:
    """From now on tracebacks go to this folder, if it is there and can be written when one comes."""
    _logs.append(folder)


def crash_file() -> Path:
    """A file of the workspace's log folder, or else of the system's folder for temporary files."""
    if _logs and _logs[-1].is_dir() and os.access(_logs[-1], os.W_OK):
        return _logs[-1] / "console.log"
    handle, name = tempfile.mkstemp(prefix="quarterdeck-", suffix=".log")
    os.close(handle)
    return Path(name)
