"""A large table on its way to a file: written in parts, each whole or not there, and joined under the final name.

Parts are named by the rows they hold, so that the folder itself says how far the work has come.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from quarterdeck.core.errors import UnavailableError, UsageError

FORMATS = (".parquet", ".csv", ".jsonl")
Schema = Mapping[str, pl.DataType | type[pl.DataType]]
_NAME = re.compile(r"part-(\d{15})-(\d{15})")


class Part(NamedTuple):
    """The rows [start, end) of what was read, and the file that holds what came of them."""

    start: int
    end: int
    path: Path


def check_format(path: Path) -> None:
    """UsageError for a name with another ending."""
    if path.suffix not in FORMATS:
        raise UsageError(f"{path.name} has an ending that is not known", hint=f"one of {', '.join(FORMATS)}")


class Parts:
    """The parts of one table in a folder."""

    def __init__(self, folder: Path, schema: Schema, kind: str, *, lasting: bool = True) -> None:
        """`lasting`: parts outlive the process; without it they need not be on the disk, nor small."""
        self._lasting = lasting
        self._folder = folder
        self._schema = dict(schema)
        self._kind = kind

    def found(self) -> list[Part]:
        """The parts from row 0 on, without a gap."""
        parts: list[Part] = []
        for path in sorted(self._folder.glob(f"part-*{self._kind}")):
            named = _NAME.fullmatch(path.stem)
            if named and int(named[1]) == (parts[-1].end if parts else 0):
                parts.append(Part(int(named[1]), int(named[2]), path))
        return parts

    def add(self, start: int, end: int, columns: Mapping[str, Sequence[Any]]) -> None:
        """Keep a part: on the disk, whole, when this returns."""
        path = self._folder / f"part-{start:015}-{end:015}{self._kind}"
        draft = path.with_suffix(".draft")
        self._write(self._frame(columns), draft)
        if self._lasting:
            flush(draft)
        draft.replace(path)

    def column(self, part: Part, name: str) -> list[Any]:
        """One column of a part, as it was written."""
        if self._kind == ".parquet":
            frame = pl.read_parquet(part.path, columns=[name])
        elif self._kind == ".csv":
            frame = pl.read_csv(part.path, has_header=False, schema=_flat(self._schema))
        else:
            frame = pl.read_ndjson(part.path, schema=self._schema)
        return frame[name].to_list()

    def join(self, target: Path) -> int:
        """Put all parts together under the final name, whole or not at all; gives the file's bytes."""
        parts = [part.path for part in self.found()]
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            if self._kind == ".parquet":
                self._join_parquet(parts, draft)
            else:
                self._join_text(parts, draft)
            flush(draft)
            draft.replace(target)
        except OSError as error:
            raise UnavailableError(f"cannot be written: {error.strerror}", where=str(target)) from error
        finally:
            draft.unlink(missing_ok=True)
        return target.stat().st_size

    def _join_parquet(self, parts: list[Path], draft: Path) -> None:
        if parts:
            pl.scan_parquet(parts).sink_parquet(draft, row_group_size=100_000)
        else:
            pl.DataFrame(schema=self._schema).write_parquet(draft)

    def _join_text(self, parts: list[Path], draft: Path) -> None:
        with draft.open("wb") as whole:
            if self._kind == ".csv":
                pl.DataFrame(schema=_flat(self._schema)).write_csv(whole)
            for path in parts:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, whole, 1 << 20)

    def _frame(self, columns: Mapping[str, Sequence[Any]]) -> pl.DataFrame:
        return pl.DataFrame(
            [pl.Series(name, columns[name], dtype=kind, strict=False) for name, kind in self._schema.items()]
        )

    def _write(self, frame: pl.DataFrame, path: Path) -> None:
        if self._kind == ".parquet":
            frame.write_parquet(path, compression="zstd" if self._lasting else "lz4")
        elif self._kind == ".csv":
            lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
            texts = [pl.Series(name, [None if row is None else json.dumps(row) for row in frame[name].to_list()],
                               dtype=pl.String) for name in lists]  # fmt: skip
            frame.with_columns(texts).write_csv(path, include_header=False)
        else:
            frame.write_ndjson(path)


def _flat(schema: Schema) -> dict[str, Any]:
    """A list has no form in CSV but text."""
    return {name: pl.String if isinstance(kind, pl.List) else kind for name, kind in schema.items()}


def flush(path: Path) -> None:
    """On the disk, not only in memory."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
