"""Artifacts: bytes kept under their own SHA-256, in a folder or wherever fsspec reaches.

`artifacts/ab/cdef...` holds the bytes whose SHA-256 begins with `ab`. A name says what must be in the file,
so writing twice is harmless, and every load is checked against it. A reader never sees a half-written file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quarterdeck.core.errors import IntegrityError, NotFoundError, UnavailableError

FOLDER_MODE = 0o700
FILE_MODE = 0o600
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """Bytes in the store; `size` in bytes."""

    sha256: str
    size: int


class ArtifactStore:
    """A folder (a path or file:// URL) or another place by URL (s3://bucket/prefix, memory://name).

    Opens nothing when made. Safe to use from several threads and processes.
    """

    def __init__(self, place: str | Path) -> None:
        text = str(place)
        self._place: _Folder | _Remote
        if "://" in text and not text.startswith("file://"):
            self._place = _Remote(text)
        else:
            self._place = _Folder(Path(text.removeprefix("file://")))

    def put(self, data: bytes) -> Artifact:
        """Keeps `data`; again is no error and writes nothing. UnavailableError where there is no room or no
        way.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        with _reported(self._place, "written"):
            self._place.write(sha256, data)
        return Artifact(sha256=sha256, size=len(data))

    def get(self, sha256: str) -> bytes:
        """The bytes, checked. IntegrityError where missing or others; NotFoundError for a wrong name."""
        _check_name(sha256)
        try:
            with _reported(self._place, "read"):
                data = self._place.read(sha256)
        except FileNotFoundError as error:
            raise IntegrityError(
                f"Artifact {sha256[:12]} is missing.",
                where=self._place.where(sha256),
                hint="restore it from a backup, or run the pipeline again to make it anew",
            ) from error
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            raise IntegrityError(
                f"Artifact {sha256[:12]} holds other bytes than were recorded (SHA-256 {found[:12]}).",
                where=self._place.where(sha256),
                hint="do not use it; restore it from a backup, or remove the file and run the pipeline again",
            )
        return data

    def has(self, sha256: str) -> bool:
        """Whether something is kept under this name; its bytes are checked by `get` only."""
        _check_name(sha256)
        with _reported(self._place, "read"):
            return self._place.has(sha256)

    def remove(self, sha256: str) -> None:
        """Forgets the bytes; no error where there are none."""
        _check_name(sha256)
        with _reported(self._place, "removed"):
            self._place.remove(sha256)


class _Folder:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def where(self, sha256: str = "") -> str:
        return str(self._path(sha256)) if sha256 else str(self._folder)

    def read(self, sha256: str) -> bytes:
        return self._path(sha256).read_bytes()

    def has(self, sha256: str) -> bool:
        return self._path(sha256).is_file()

    def remove(self, sha256: str) -> None:
        self._path(sha256).unlink(missing_ok=True)

    def write(self, sha256: str, data: bytes) -> None:
        """Under another name first, flushed to the disk, then renamed. What is there but damaged is
        replaced.
        """
        path = self._path(sha256)
        if _holds(path, data):
            return
        for folder in (self._folder, path.parent):
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256[2:]


class _Remote:
    """Any other place. Object stores show an object only when it is whole; others get it by renaming."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._system: Any = None

    def where(self, sha256: str = "") -> str:
        return f"{self._url}/{sha256[:2]}/{sha256[2:]}" if sha256 else self._url

    def read(self, sha256: str) -> bytes:
        data: bytes = self._open().cat_file(self.where(sha256))
        return data

    def has(self, sha256: str) -> bool:
        return bool(self._open().isfile(self.where(sha256)))

    def remove(self, sha256: str) -> None:
        with suppress(FileNotFoundError):
            self._open().rm_file(self.where(sha256))

    def write(self, sha256: str, data: bytes) -> None:
        system, final = self._open(), self.where(sha256)
        if system.isfile(final) and system.size(final) == len(data):
            return
        system.makedirs(final.rpartition("/")[0], exist_ok=True)
        if "s3" in system.protocol or "gs" in system.protocol or "abfs" in system.protocol:
            system.pipe_file(final, data)
            return
        temporary = f"{final}.{secrets.token_hex(4)}"
        system.pipe_file(temporary, data)
        system.mv(temporary, final)

    def _open(self) -> Any:
        if self._system is None:
            import fsspec  # here, so that the usual folder does not pay for it

            try:
                self._system = fsspec.core.url_to_fs(self._url)[0]
            except (ImportError, ValueError) as error:
                raise UnavailableError(
                    f"Artifacts cannot be kept there: {error}",
                    where=self._url,
                    hint="install what the URL needs, such as quarterdeck[s3]",
                ) from error
        return self._system


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return False


def _flush_folder(folder: Path) -> None:
    """A rename is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_name(sha256: str) -> None:
    if not _SHA256.fullmatch(sha256):
        raise NotFoundError(f"{sha256!r} is not a SHA-256.", hint="64 characters of 0-9 and a-f")


@contextmanager
def _reported(place: _Folder | _Remote, act: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        room = error.errno in _NO_ROOM
        raise UnavailableError(
            "There is no room left for artifacts."
            if room
            else f"An artifact cannot be {act}: {error.strerror or error}",
            where=place.where(),
            hint="free some space, then run again; nothing half-written was left"
            if room
            else "check the place and its rights",
        ) from error
