"""What is known of an unfinished batch prediction: a folder beside the file that it will write.

    .answers.parquet.job/
        job.json        what the job is bound to: the input's fingerprint, the version, the options
        part-*          the answers so far; the rows they hold are in their names
        refused-*       rows that were refused, of the same part

The folder is locked while a process works in it, and gone when the job is done.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from quarterdeck.core.errors import ConflictError, IntegrityError, UnavailableError
from quarterdeck.core.ids import new_id

FILE = "job.json"
STOP, SKIP = "stop", "skip"  # what a wrong row does
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Binding:
    """All that the answers of a job depend on. Another value of any of these is another job."""

    model: str
    version: int
    digest: str  # SHA-256 of what answers
    fingerprint: str  # SHA-256 of the input
    on_error: str
    logged: bool
    id: str = ""  # of the job; names its place in the prediction log


def folder_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.job")


def refused_of(target: Path) -> Path:
    """Where the refused rows go."""
    return target.with_name(f"{target.stem}.refused.jsonl")


def bound(target: Path) -> Binding | None:
    """What the unfinished job of this file is bound to; None where there is none."""
    path = folder_of(target) / FILE
    try:
        return Binding(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise IntegrityError(
            f"it cannot be read: {error}", where=str(path), hint="begin anew with --restart"
        ) from error


def fingerprint(path: Path) -> tuple[str, int]:
    """SHA-256 of a file, and how many lines it has."""
    digest, lines = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            lines += block.count(b"\n")
    return digest.hexdigest(), lines


@contextmanager
def taken(target: Path, wanted: Binding, *, restart: bool) -> Iterator[tuple[Path, Binding]]:
    """The folder of the job, begun or gone on with; ConflictError where it is another's, or another job's.

    It stays where the work does not come to its end, if a part is done.
    """
    folder = folder_of(target)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UnavailableError(f"cannot be made: {error.strerror}", where=str(folder)) from error
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, target)
        if restart:
            for path in folder.iterdir():
                path.unlink()
        known = bound(target)
        if known is None:
            known = replace(wanted, id=new_id())
        if known.on_error == STOP:  # no row was skipped so far: the rest may be, or not
            known = replace(known, on_error=wanted.on_error)
        _same(known, wanted, target)
        _write(folder / FILE, asdict(known))
        try:
            yield folder, known
        except BaseException:
            if not any(folder.glob("part-*-*")):
                shutil.rmtree(folder)
            raise
        shutil.rmtree(folder)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, target: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        hint = "wait for it, or name another file"
        raise ConflictError("another process is writing these answers", where=str(target), hint=hint) from error


def _same(known: Binding, wanted: Binding, target: Path) -> None:
    names = {
        "model": "the endpoint",
        "version": "the version",
        "digest": "the model's artifact",
        "fingerprint": "the input file",
        "on_error": "--on-error",
        "logged": "--no-log",
    }
    changed = [says for name, says in names.items() if getattr(known, name) != getattr(wanted, name)]
    if changed:
        message = f"an unfinished job for this file is another one: {', '.join(changed)} changed"
        hint = "give the command as it was to go on, or --restart to begin anew"
        raise ConflictError(message, where=str(target), hint=hint)


def _write(path: Path, document: dict[str, Any]) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
