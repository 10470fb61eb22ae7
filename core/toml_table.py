"""Checked reading of TOML tables: every wrong key is found and reported at its line, not only the first.

A `Table` hands out values of the kind that is asked for; what does not fit goes to its `Problems`, and the
default is handed out instead, so that reading goes on. `Problems.refuse()` raises all of it as one error.
"""

from __future__ import annotations

import difflib
import keyword
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from quarterdeck.core.durations import EXPECTED as DURATION
from quarterdeck.core.durations import parse_duration
from quarterdeck.core.errors import ManifestError, UsageError
from quarterdeck.core.toml_lines import KeyPath, TomlDocument

D = TypeVar("D")
V = TypeVar("V")
E = TypeVar("E", bound=StrEnum)

LONGEST_SHOWN = 60
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")


class Problems:
    """What is wrong with a document, collected while it is read."""

    def __init__(self, document: TomlDocument) -> None:
        self.document = document
        self.found: list[tuple[int, str]] = []

    def add(self, path: KeyPath, message: str) -> None:
        self.found.append((self.document.line_of(path), message))

    def refuse(self) -> None:
        """Raise a ManifestError if anything was found: a line of text for each, in the order of the file."""
        if not self.found:
            return
        (line, message), *others = sorted(self.found, key=lambda item: item[0])
        name = self.document.name
        lines = [message, *(f"{name}:{number}: {text}" for number, text in others)]
        raise ManifestError("\n".join(lines), where=f"{name}:{line}")


class Table:
    """One table of a document, under its path."""

    def __init__(self, problems: Problems, path: KeyPath, values: Mapping[str, Any]) -> None:
        self.problems = problems
        self.path = path
        self.values = values

    @property
    def where(self) -> str:
        return self.problems.document.where(self.path)

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def only(self, allowed: Iterable[str], *, context: str = "") -> None:
        """Report every key that is not allowed here."""
        names = list(allowed)
        for key in self.values:
            if key not in names:
                self.wrong(key, f"is not a key of {self._label()}{context}; {expected_names(key, names)}")

    def require(self, *keys: str) -> None:
        for key in keys:
            if key not in self.values:
                self.problems.add(self.path, f"{self._label()} has no key `{key}`, which is required")

    def wrong(self, key: str, message: str) -> None:
        self.problems.add((*self.path, key), f"`{key}` {message}")

    def text(self, key: str, default: D, *, expected: str = "text", check: Callable[[str], bool] = bool) -> str | D:
        """Text that is not empty, or that `check` accepts."""
        return self._value(key, default, expected, lambda found: found if check(found) else None, str)

    def integer(self, key: str, default: D, *, minimum: int, maximum: float = math.inf) -> int | D:
        limits = f"from {minimum} on" if maximum == math.inf else f"from {minimum} to {maximum:g}"
        expected = f"a whole number {limits}"
        return self._value(key, default, expected, lambda found: found if minimum <= found <= maximum else None, int)

    def number(
        self,
        key: str,
        default: D,
        *,
        expected: str = "a number",
        check: Callable[[float], bool] = math.isfinite,
    ) -> float | D:
        def convert(found: int | float) -> float | None:
            return float(found) if math.isfinite(found) and check(found) else None

        return self._value(key, default, expected, convert, int, float)

    def flag(self, key: str, default: bool) -> bool:
        found = self.values.get(key, default)
        if not isinstance(found, bool):
            self.wrong(key, f"is {shown(found)}; expected true or false")
            return default
        return found

    def duration(self, key: str, default: D) -> timedelta | D:
        """A duration longer than zero."""
        return self._value(key, default, f"{DURATION}, longer than zero", _positive_duration, str)

    def choice(self, key: str, default: E, unavailable: Iterable[str] = ()) -> E:
        """One of the members of the default's enum; `unavailable` are named as such, not as unknown."""
        names = [member.value for member in type(default)]
        found = self.values.get(key, default.value)
        if isinstance(found, str) and found in names:
            return type(default)(found)
        if found in unavailable:
            self.wrong(key, f'= "{found}" is not available in this version; available: {", ".join(names)}')
        else:
            self.wrong(key, f"is {shown(found)}; {expected_names(found, names)}")
        return default

    def table(self, key: str) -> Table:
        """The table under a key; an empty one when it is not there."""
        empty: dict[str, Any] = {}
        found = self._value(key, empty, "a table", lambda found: found, dict)
        return Table(self.problems, (*self.path, key), found)

    def tables(self, key: str) -> list[Table]:
        """The items of an array of tables; none when it is not there."""
        path = (*self.path, key)
        found = self.values.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            self.wrong(key, f"is {shown(found)}; expected tables, each under a header [[{key}]]")
            return []
        return [Table(self.problems, (*path, index), item) for index, item in enumerate(found)]

    def _value(self, key: str, default: D, expected: str, convert: Callable[[Any], V | None], *kinds: type) -> V | D:
        if key not in self.values:
            return default
        found = self.values[key]
        # true and false are ints to Python, but not to a reader of TOML
        fits = isinstance(found, kinds) and not isinstance(found, bool)
        value = convert(found) if fits else None
        if value is None:
            self.wrong(key, f"is {shown(found)}; expected {expected}")
            return default
        return value

    def _label(self) -> str:
        if not self.path:
            return "the file"
        name = ".".join(str(part) for part in self.path if isinstance(part, str))
        return f"[[{name}]]" if isinstance(self.path[-1], int) else f"[{name}]"


def shown(value: object) -> str:
    """A value as an error shows it: as TOML would, cut when long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"


def is_name(text: str) -> bool:
    """Whether Python code can use the text as the name of a parameter or a function."""
    return _NAME.fullmatch(text) is not None and not keyword.iskeyword(text)


def nearest(name: object, names: Iterable[str]) -> str | None:
    """The one of `names` that was probably meant, if any is near."""
    found = difflib.get_close_matches(str(name), list(names), n=1)
    return found[0] if found else None


def expected_names(name: object, names: Iterable[str]) -> str:
    """ "expected one of a, b, c; did you mean `b`?" """
    listed = list(names)
    if not listed:
        return "none is expected"
    near = nearest(name, listed)
    words = "expected" if len(listed) == 1 else "expected one of"
    return f"{words} {', '.join(listed)}" + (f"; did you mean `{near}`?" if near else "")


def _positive_duration(text: str) -> timedelta | None:
    try:
        duration = parse_duration(text)
    except UsageError:
        return None
    return duration or None
