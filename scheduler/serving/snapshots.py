"""What each process of a server has counted, where the others can read it: a small file a process.

Whichever process is asked for `/metrics` answers for all. Every figure comes from the files, the one asked having
just written its own, so that what one scrape saw the next one does not see less of; and a process that is started
again goes on from its own file. A server that is started anew begins with none.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil

from quarterdeck.core.values import Arm
from quarterdeck.scheduler.serving.counters import Counters, Key, Problems, VersionCount

_PATTERN = "server-*.counts"
FIRST = "server-0.counts"
_PLAIN = ("requests", "errors", "failed", "labels", "dropped", "shadow_dropped")

Row = tuple[str, int, str, int, int, int, int, int]  # model, version, arm, and VersionCount's


class Snapshot(msgspec.Struct, frozen=True):
    """One process at one moment."""

    pid: int
    pending: int  # predictions that wait for the log
    problems: list[str]
    plain: dict[str, int]
    by_version: list[Row]
    shadow: list[Row]
    refused: dict[int, int]  # by status


class Snapshots:
    """The files of one server; `place` is this process's number in it, from 0 on."""

    def __init__(self, folder: Path, place: int, counters: Counters, problems: Problems) -> None:
        self._folder = folder
        self._file = folder / f"server-{place}.counts"
        self._counters = counters
        self._problems = problems
        self._left = False
        self._decode = msgspec.json.Decoder(Snapshot).decode
        self._encode = msgspec.json.Encoder().encode

    def begin(self) -> None:
        """Of a new server: forget what the one before has left."""
        for file in self._folder.glob(_PATTERN):
            file.unlink(missing_ok=True)

    def go_on(self) -> None:
        """Of a process that takes the place of one that has died: count on from where that was."""
        before = self._read(self._file)
        if before is not None:
            _add(self._counters, before)

    def leave(self) -> None:
        """Of a process whose server has gone: the files are the next server's from now on."""
        self._left = True

    def write(self, pending: int) -> None:
        """Write this process's own, whole or not at all. What cannot be written is said; nothing else suffers."""
        if self._left:
            return
        counters = self._counters
        now = Snapshot(
            pid=os.getpid(),
            pending=pending,
            problems=self._problems.texts(),
            plain={name: getattr(counters, name) for name in _PLAIN},
            by_version=[_row(*item) for item in counters.by_version.items()],
            shadow=[_row(*item) for item in counters.shadow.items()],
            refused=counters.refused,
        )
        draft = self._file.with_suffix(".draft")
        try:
            draft.write_bytes(self._encode(now))
            draft.replace(self._file)
            self._problems.clear("counts")
        except OSError as error:
            self._problems.set("counts", f"cannot be written, and /metrics is behind: {error}")

    def all(self) -> list[Snapshot]:
        """Every process's, in the order of their numbers; what cannot be read is left out."""
        found = [self._read(file) for file in sorted(self._folder.glob(_PATTERN))]
        return [item for item in found if item is not None]

    def _read(self, file: Path) -> Snapshot | None:
        try:
            return self._decode(file.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None


def orphans(folder: Path, root: Path) -> bool:
    """Whether processes of a server of the workspace at `root` still answer, though the first of them has gone."""
    decode = msgspec.json.Decoder(Snapshot).decode
    for file in folder.glob(_PATTERN):
        try:
            if file.name != FIRST and _serves(decode(file.read_bytes()).pid, root):
                return True
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue
    return False


def _serves(pid: int, root: Path) -> bool:
    """Whether this process serves this very workspace: a pid may have been given again, and a copy has its files."""
    try:
        command = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    return "quarterdeck.scheduler.serving" in command and str(root) in command


def together(snapshots: Sequence[Snapshot]) -> Counters:
    """What they have counted, added up."""
    total = Counters()
    for snapshot in snapshots:
        _add(total, snapshot)
    return total


def _row(key: Key, count: VersionCount) -> Row:
    model, version, arm = key
    return model, version, str(arm), count.requests, count.rows, count.failures, count.latency_us, count.waited_us


def _add(total: Counters, snapshot: Snapshot) -> None:
    for name in _PLAIN:
        setattr(total, name, getattr(total, name) + snapshot.plain.get(name, 0))
    for status, count in snapshot.refused.items():
        total.refused[status] = total.refused.get(status, 0) + count
    for rows, found in ((snapshot.by_version, total.by_version), (snapshot.shadow, total.shadow)):
        for model, version, arm, requests, of_rows, failures, latency_us, waited_us in rows:
            kept = found.setdefault((model, version, Arm(arm)), VersionCount())
            kept.requests += requests
            kept.rows += of_rows
            kept.failures += failures
            kept.latency_us += latency_us
            kept.waited_us += waited_us
