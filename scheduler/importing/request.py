"""What is asked of an import, and what was found in the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from quarterdeck.core.manifest import Manifest
from quarterdeck.core.models.columns import Columns
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.signature import Field, Signature
from quarterdeck.core.values import ModelKind, Task

Make = Callable[[Signature, Columns], Any]  # the estimator of a FittedModel, once it is known what it takes


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportRequest:
    """An import as a person asks for it. `path` is None for a remote model."""

    name: str
    path: Path | None = None
    function: str | None = None  # rules: `PATH.py:function`
    remote: str | None = None  # a URL
    target: str | None = None
    task: Task | None = None
    trust: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """What is known beside the file: labelled rows, a version that takes the same, the pipeline of that name."""

    rows: pl.DataFrame | None = None
    like: FittedModel | None = None
    manifest: Manifest | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A model file, read and checked, but not yet tried. What it does not say is None."""

    kind: ModelKind
    origin: dict[str, Any]  # file, sha256, format, what was trusted and who signed for it
    make: Make
    columns: tuple[str, ...] | None = None  # the fields' names, where the file has them
    in_order: bool = True  # whether `columns` is the order in which the model takes them
    width: int | None = None  # how many fields it takes
    fields: tuple[Field, ...] | None = None  # names and kinds, where the file has both
    task: Task | None = None
    classes: tuple[str | int, ...] | None = None
    classifies: bool | None = None
    target: str | None = None
    trusted: tuple[str, ...] = ()
    no_missing: tuple[str, ...] = ()  # fields that cannot be missing, by their type in the file
    model: FittedModel | None = None  # all of it, where the file is a version that was exported
