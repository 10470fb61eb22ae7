"""What a pickle would call, listed without loading it.

A pickle is a program. Its instructions are read one by one (pickletools), with as much of the stack and the memo as it
takes to know the names that STACK_GLOBAL takes from them. A name that cannot be told is listed as unknown, and an
unknown name is never trusted: the list is what is loaded under, not a guess (unpickle.py).
"""

from __future__ import annotations

import pickle
import pickletools
from dataclasses import dataclass
from typing import Any

from quarterdeck.core.errors import RefusedError

UNKNOWN = "unknown"
MOST_INSTRUCTIONS = 50_000_000
_MARK = object()
_VALUE = object()  # anything but text: what it is does not matter here
_TEXTS = frozenset(
    ("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
)
_EXTENSIONS = frozenset(("EXT1", "EXT2", "EXT4"))
_PERSISTENT = frozenset(("PERSID", "BINPERSID"))
_COMPRESSED = (
    b"\x78\x01",
    b"\x78\x5e",
    b"\x78\x9c",
    b"\x78\xda",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\x04\x22\x4d\x18",
    b"ZF",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PickleAudit:
    """`names` are "module.name", sorted; `unknown` says of what could not be told why, each once."""

    names: tuple[str, ...]
    unknown: tuple[str, ...]
    protocol: int


def audit_pickle(data: bytes) -> PickleAudit:
    """Every global that the pickle names. RefusedError for what is no pickle, is cut off, or goes on behind its end."""
    if data.startswith(_COMPRESSED):
        raise RefusedError("it is compressed, as joblib writes it: its contents cannot be listed", hint=_SAVE)
    walk = _Walk()
    end = -1
    try:
        for count, (opcode, argument, place) in enumerate(pickletools.genops(data)):
            if count > MOST_INSTRUCTIONS:
                raise RefusedError(f"it has more than {MOST_INSTRUCTIONS:,} instructions")
            walk.step(opcode, argument, place or 0)
            end = (place or 0) + 1
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError, NotImplementedError) as error:
        raise _unreadable(walk, str(error)) from error
    if "joblib.numpy_pickle.NumpyArrayWrapper" in walk.names:
        raise _unreadable(walk, "")
    if end != len(data):
        raise RefusedError(f"{len(data) - end:,} bytes follow the end of the pickle", hint=_SAVE)
    return PickleAudit(names=tuple(sorted(walk.names)), unknown=tuple(sorted(walk.unknown)), protocol=walk.protocol)


class _Walk:
    """The stack, the marks in it and the memo, as far as text is concerned."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.unknown: set[str] = set()
        self.protocol = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def step(self, opcode: Any, argument: Any, place: int) -> None:
        name = opcode.name
        if name == "PROTO":
            if argument > pickle.HIGHEST_PROTOCOL:
                raise ValueError(f"protocol {argument}")
            self.protocol = argument
        elif name == "GLOBAL":
            self._named(*str(argument).split(" ", 1), place=place)
            self._stack.append(_VALUE)
        elif name == "INST":
            self._named(*str(argument).split(" ", 1), place=place)
            self._pop_to_mark()
            self._stack.append(_VALUE)
        elif name == "STACK_GLOBAL":
            attribute, module = self._pop(), self._pop()
            self._named(module, attribute, place=place)
            self._stack.append(_VALUE)
        elif name in _EXTENSIONS or name in _PERSISTENT:
            self.unknown.add(f"{UNKNOWN}: {name} at byte {place}")
            self._general(opcode)
        elif name in _TEXTS:
            self._stack.append(argument if isinstance(argument, str) else _VALUE)
        else:
            self._memory(opcode, argument)

    def _memory(self, opcode: Any, argument: Any) -> None:
        name = opcode.name
        if name == "MEMOIZE":
            self._memo[len(self._memo)] = self._top()
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[int(argument)] = self._top()
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self._stack.append(self._memo.get(int(argument), _VALUE))
        elif name == "DUP":
            self._stack.append(self._top())
        elif name == "MARK":
            self._stack.append(_MARK)
        elif name == "POP":
            if self._stack:
                self._stack.pop()
        else:
            self._general(opcode)

    def _general(self, opcode: Any) -> None:
        """By what pickletools says of an instruction: it takes so many, or all above the last mark."""
        if any(item.name in ("mark", "stackslice") for item in opcode.stack_before):
            self._pop_to_mark()
            below = [item for item in opcode.stack_before if item.name not in ("mark", "stackslice")]
            # what stands before the mark in the description (a list that is appended to) is taken as well
            for _ in below[: opcode.stack_before.index(_mark_of(opcode))]:
                self._pop()
        else:
            for _ in opcode.stack_before:
                self._pop()
        self._stack.extend(_VALUE for _ in opcode.stack_after)

    def _named(self, module: Any, attribute: Any = None, *, place: int) -> None:
        if isinstance(module, str) and isinstance(attribute, str):
            self.names.add(f"{module}.{attribute}")
        else:
            self.unknown.add(f"{UNKNOWN}: a name that is made while loading, at byte {place}")

    def _pop(self) -> Any:
        if not self._stack:
            return _VALUE
        found = self._stack.pop()
        return _VALUE if found is _MARK else found

    def _top(self) -> Any:
        return self._stack[-1] if self._stack else _VALUE

    def _pop_to_mark(self) -> None:
        while self._stack and self._stack.pop() is not _MARK:
            pass


def _mark_of(opcode: Any) -> Any:
    return next(item for item in opcode.stack_before if item.name in ("mark", "stackslice"))


_SAVE = "save it anew with skops (skops.io.dump), or with pickle.dump and nothing else in the file"


def _unreadable(walk: _Walk, reason: str) -> RefusedError:
    if any(name.startswith("joblib.numpy_pickle.") for name in walk.names):
        why = "it is a joblib file: arrays stand between its instructions, so that its contents cannot be listed"
        return RefusedError(why, hint=_SAVE)
    return RefusedError(f"it is no whole pickle: {reason[:200]}", hint="copy or save it again")
