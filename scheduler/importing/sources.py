"""What a path is, read as bytes, within limits: an ONNX file, a skops file, a pickle, a folder, a function, a URL."""

from __future__ import annotations

import hashlib
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

from quarterdeck.core.errors import NotFoundError, RefusedError, UsageError

MOST_BYTES = 1 << 30
SUFFIXES = (".onnx", ".skops", ".pkl", ".pickle", ".joblib", ".py", ".toml")


def read_bytes(path: Path) -> bytes:
    """A regular file's bytes. NotFoundError where there is none, RefusedError for one that is no file or too large."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not make this wait
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}") from error
    except OSError as error:
        raise RefusedError(f"it cannot be read: {error.strerror}", where=str(path)) from error
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise RefusedError("it is no file", where=str(path))
        if about.st_size > MOST_BYTES:
            raise RefusedError(f"it has {about.st_size:,} bytes, more than {MOST_BYTES:,}", where=str(path))
        return file.read(MOST_BYTES + 1)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def kind_of_file(path: Path, data: bytes) -> str:
    """The suffix that stands for what the file is: by its own, or by its first bytes where it has none of ours."""
    if path.suffix in SUFFIXES:
        return ".pkl" if path.suffix in (".pickle", ".joblib") else path.suffix
    if data.startswith(b"PK"):
        return ".skops"
    if data[:1] == b"\x80":
        return ".pkl"
    raise UsageError(
        f"it cannot be told what {path.name} is",
        hint="taken are .onnx, .skops, .pkl, FILE.py:function, a remote model's .toml, "
        "the folder of an MLflow model or of an exported version",
    )


def read_toml(path: Path, data: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"it is no TOML: {error}", where=str(path)) from error
