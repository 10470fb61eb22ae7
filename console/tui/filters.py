"""The filter behind `/`: words, key:value, key:>number, and ! before any of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One word of a filter. Without a key it looks at every column."""

    value: str
    key: str | None = None
    negated: bool = False

    def holds(self, row: Mapping[str, str]) -> bool:
        return self._found(row) is not self.negated

    def _found(self, row: Mapping[str, str]) -> bool:
        if self.key is not None and self.key in row:
            return _compare(row[self.key], self.value)
        # a colon that follows no column's name is part of the word: 12:30, flights:3
        word = self.value if self.key is None else f"{self.key}:{self.value}"
        return any(word in text.lower() for text in row.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Every term must hold. No terms: every row is shown."""

    text: str = ""
    terms: tuple[Term, ...] = ()

    def holds(self, row: Mapping[str, str]) -> bool:
        return all(term.holds(row) for term in self.terms)


def parse_filter(text: str) -> Filter:
    """Any text is a filter; case does not matter. A lone "!" or "key:" asks for nothing yet."""
    terms = (_term(word) for word in text.lower().split())
    return Filter(text=text.strip(), terms=tuple(term for term in terms if term.value))


def _term(word: str) -> Term:
    negated = word.startswith("!")
    word = word.removeprefix("!")
    key, colon, value = word.partition(":")
    if colon and key:
        return Term(key=key, value=value, negated=negated)
    return Term(value=word, negated=negated)


def _compare(text: str, wanted: str) -> bool:
    """Contains, or for ">" and "<" with a number behind: is greater or less. A text that is no number is
    neither.
    """
    if wanted[:1] in ("<", ">"):
        limit, found = _number(wanted[1:]), _number(text)
        if limit is not None and found is not None:
            return found > limit if wanted[0] == ">" else found < limit
        return False
    return wanted in text.lower()


_UNITS = {"k": 1e3, "m": 1e6, "g": 1e9, "%": 0.01}


def _number(text: str) -> float | None:
    """The number a cell begins with: "0.9410 ▁▂", "12k", "1,204", "0.8ms"."""
    words = text.replace(",", "").split()
    first = words[0].lower().removesuffix("ms").removesuffix("/s") if words else ""
    unit = _UNITS.get(first[-1:], 1.0)
    try:
        return float(first[:-1] if first[-1:] in _UNITS else first) * unit
    except ValueError:
        return None
