"""A TOML file, and the line on which each of its keys stands, so that an error can point there.

tomllib reads the values and refuses what is not TOML, but keeps no lines. The locator therefore walks over
text that is known to be valid, and only has to tell headers, keys and the ends of values apart.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quarterdeck.core.errors import ManifestError, NotFoundError, UnavailableError

KeyPath = tuple[str | int, ...]

_POSITION = re.compile(r" ?\(at (?:line (\d+), column \d+|end of document)\)$")
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'  # up to two quotes may stand right before the closing three
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_KEY_SEPARATOR = re.compile(r"[ \t]*\.[ \t]*")
_HEADER_START = re.compile(r"\[+[ \t]*")
_HEADER_END = re.compile(r"[ \t]*\]+")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_PLAIN_VALUE = re.compile(r"[^\s\[\]{},#\"']+")
_REST_OF_LINE = re.compile(r"[^\n]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class TomlDocument:
    """What a file says (`data`) and where (`lines`, by path of keys and indexes, counted from 1)."""

    name: str  # the file as errors show it
    data: dict[str, Any]
    lines: Mapping[KeyPath, int]

    def line_of(self, path: KeyPath) -> int:
        """The line of a key; for one inside an inline value, or one that is not there, of what holds it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1

    def where(self, path: KeyPath) -> str:
        return f"{self.name}:{self.line_of(path)}"


def read_toml(path: Path, *, name: str | None = None) -> TomlDocument:
    """Read a file; `name` is how errors call it, or its own. NotFoundError without the file."""
    shown = name or path.name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}", where=shown) from None
    except OSError as error:
        raise UnavailableError(f"cannot be read: {error.strerror}", where=shown) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ManifestError("is not UTF-8 text", where=f"{shown}:{line}") from error
    return parse_toml(text, name=shown)


def parse_toml(text: str, *, name: str) -> TomlDocument:
    """Parse a text; what is not TOML is a ManifestError at its line."""
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, and numbers beyond what int() takes
        found = _POSITION.search(str(error))
        line = found[1] if found and found[1] else text.rstrip("\n").count("\n") + 1
        message = _POSITION.sub("", str(error))
        raise ManifestError(f"is not valid TOML: {message}", where=f"{name}:{line}") from error
    except RecursionError as error:
        raise ManifestError("is not usable TOML: values are nested too deeply", where=name) from error
    return TomlDocument(name=name, data=data, lines=_Locator(text).locate())


class _Locator:
    """One walk over a text that tomllib has accepted."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.table: KeyPath = ()
        self.items: dict[KeyPath, int] = {}  # arrays of tables -> index of the last item
        self.counted = (0, 1)  # a position, and its line

    def locate(self) -> dict[KeyPath, int]:
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                self._header()
            else:
                line = self._line()
                self._note(self.table, self._key(), line)
                self._skip(_EQUALS)
                self._value()
            self._skip(_BLANK)
        return self.lines

    def _header(self) -> None:
        line = self._line()
        is_item = self.text.startswith("[[", self.at)
        self._skip(_HEADER_START)
        *parents, last = self._key()
        self._skip(_HEADER_END)
        above = self._note((), parents, line, explicit=False)
        self.table = (*above, last)
        if is_item:
            self.lines.setdefault(self.table, line)
            self.items[self.table] = self.items.get(self.table, -1) + 1
            self.table = (*self.table, self.items[self.table])
        self.lines[self.table] = line

    def _note(self, base: KeyPath, keys: list[str], line: int, *, explicit: bool = True) -> KeyPath:
        """Remember the line of a dotted key and of the tables it opens on the way; give its full path."""
        path = base
        for position, key in enumerate(keys):
            path = (*path, key)
            if explicit and position == len(keys) - 1:
                self.lines[path] = line
            else:
                self.lines.setdefault(path, line)
            if path in self.items:
                path = (*path, self.items[path])
        return path

    def _key(self) -> list[str]:
        parts = []
        while True:
            token = self._take(_BARE_KEY) or self._take(_STRING)
            parts.append(_unquoted(token))
            if not self._skip(_KEY_SEPARATOR):
                return parts

    def _value(self) -> None:
        depth = 0
        while True:
            if self._skip(_STRING) or self._skip(_PLAIN_VALUE):
                pass
            elif self.text[self.at] in "[{":
                depth += 1
                self.at += 1
            elif self.text[self.at] in "]}":
                depth -= 1
                self.at += 1
            else:
                self.at += 1  # a comma
            if depth == 0:
                self._skip(_REST_OF_LINE)  # the time of a date written with a blank, or a comment
                return
            self._skip(_BLANK)

    def _line(self) -> int:
        position, line = self.counted
        self.counted = (self.at, line + self.text.count("\n", position, self.at))
        return self.counted[1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        return self._take(pattern) != ""


def _unquoted(token: str) -> str:
    if token.startswith("'"):
        return token[1:-1]
    if token.startswith('"'):
        # the escapes of TOML are many; its own reader knows them
        return str(tomllib.loads(f"key = {token}")["key"])
    return token
