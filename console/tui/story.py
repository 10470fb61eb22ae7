"""One line about what happens now, written by whoever plays a scene, shown under the tabs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from quarterdeck.console.formats import clean

FILE_NAME = "story.txt"
_TAIL = 4_096


class StoryFeed(Protocol):
    """Asked by the worker thread at every look; "" for nothing to say."""

    def line(self) -> str: ...


class FileStory:
    """The last line of a file that grows; no file, no story."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def line(self) -> str:
        try:
            with self._path.open("rb") as file:
                file.seek(max(0, self._path.stat().st_size - _TAIL))
                lines = file.read().decode(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return clean(lines[-1]) if lines else ""
