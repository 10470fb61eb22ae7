"""Looking at a trigger's files, on this machine or behind a URL, through fsspec."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from quarterdeck.core.errors import QuarterdeckError, RefusedError, UnavailableError
from quarterdeck.core.manifest import TriggerSpec
from quarterdeck.core.new_data import Entry, Listing, fresh, is_whole, steady

MOST_FILES = 20_000
_CHUNK = 1 << 20
_TIMES = ("mtime", "LastModified", "last_modified", "created")
_MARKS = ("ETag", "etag", "md5", "checksum")


def look(spec: TriggerSpec, root: Path, known: Listing, before: Listing) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """(what is there, what two looks saw alike) of a source; rows and digests are made of steady files that are new.

    Raises RefusedError for too many files or one whose rows cannot be counted, UnavailableError where the place cannot
    be reached. A source that is not there yet has no files.
    """
    try:
        # start-up time: most daemons have no trigger that looks at files
        from fsspec.core import url_to_fs

        system, path = url_to_fs(_place(spec.source or "", root))
        found = {name: entry for name, entry in _list(system, path) if is_whole(name)}
        if len(found) > MOST_FILES:
            raise RefusedError(f"{spec.source} names {len(found):,} files, more than {MOST_FILES:,}")
        still = steady(before, found)
        for name in fresh(known, still):
            still[name] = _measured(system, name, still[name], spec)
        for name in still:
            same = known.get(name)
            if same is not None and same.stamp == still[name].stamp:
                still[name] = same
        return found, still
    except QuarterdeckError:
        raise
    except (OSError, ValueError, ImportError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnavailableError(f"{spec.source} cannot be looked at: {said}") from error


def _place(source: str, root: Path) -> str:
    """A URL as it is; a path from the workspace's folder."""
    return source if "://" in source or source.startswith("memory:") else str(root / source)


def _list(system: Any, path: str) -> Iterator[tuple[str, Entry]]:
    system.invalidate_cache()
    if any(char in path for char in "*?["):
        found = system.glob(path, detail=True)
    elif system.exists(path):
        found = system.find(path, detail=True)
    else:
        found = {}
    for name, info in found.items():
        if info.get("type") == "file":
            yield name, Entry(size=int(info.get("size") or 0), time=_time(info), mark=_mark(info))


def _time(info: dict[str, Any]) -> float | None:
    value = next((info[key] for key in _TIMES if info.get(key) is not None), None)
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value) if isinstance(value, int | float) else None


def _mark(info: dict[str, Any]) -> str:
    return str(next((info[key] for key in _MARKS if info.get(key)), ""))


def _measured(system: Any, name: str, entry: Entry, spec: TriggerSpec) -> Entry:
    if spec.content:
        entry = replace(entry, digest=_digest(system, name))
    if spec.rows is not None:
        entry = replace(entry, rows=_rows(system, name))
    return entry


def _digest(system: Any, name: str) -> str:
    digest = hashlib.sha256()
    with system.open(name, "rb") as file:
        while part := file.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()


def _rows(system: Any, name: str) -> int:
    """Rows of a Parquet file, from its foot; of any other text, its lines without the first, the header."""
    with system.open(name, "rb") as file:
        if not name.endswith(".parquet"):
            return max(0, _lines(file) - 1)
        import polars as pl  # only where rows of Parquet are counted
        from polars.exceptions import PolarsError

        try:
            return int(pl.scan_parquet(file).select(pl.len()).collect().item())
        except PolarsError as error:
            raise RefusedError(f"{name} is no Parquet file: {str(error).splitlines()[0]}") from error


def _lines(file: Any) -> int:
    count, last = 0, b"\n"
    while part := file.read(_CHUNK):
        count += part.count(b"\n")
        last = part[-1:]
    return count + (last != b"\n")
