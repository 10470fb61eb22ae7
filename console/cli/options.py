"""What was said before the command: `quarterdeck --workspace DIR --read-only COMMAND`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    workspace: Path | None = None
    read_only: bool = False
    ascii: bool = False
