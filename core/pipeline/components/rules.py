"""A model that is a function of the user's own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from quarterdeck.core.errors import StepError
from quarterdeck.core.models.describe import describe_model
from quarterdeck.core.models.fitted import FittedModel
from quarterdeck.core.models.infer import infer_signature
from quarterdeck.core.models.reference import reference_rows
from quarterdeck.core.models.rules import make_rules
from quarterdeck.core.pipeline.frames import TRAIN, part_of_split
from quarterdeck.core.pipeline.info import PipelineInfo


def rules(split: Any, *, function: str, features: Sequence[str] | None = None, pipeline: PipelineInfo) -> FittedModel:
    """A model that is `function`, "module:name" of a file beside pipeline.toml: `f(rows: list[dict]) -> list`.

    It gives one answer a row: a number (regression), a class, {class: probability}, or of a binary model the positive
    class's probability as a float. The file stands alone: it imports nothing that lies beside it. What the model takes
    is read off the split's training rows, as `fit` reads it; the function is tried on some of them.
    """
    train = part_of_split(split, TRAIN)
    if train.is_empty():
        raise StepError("There are no rows to try the rules on.", hint="look at the rows that reach the split")
    signature = infer_signature(train, pipeline, features)
    some = reference_rows(train, signature, pipeline.seed)
    columns = {name: some[name].to_list() for name in signature.names}
    path, name = rules_file(function, pipeline)
    model = make_rules(_read(path), name, columns, signature)
    return describe_model(model, train, signature, pipeline.seed)


def rules_file(function: str, pipeline: PipelineInfo) -> tuple[Path, str]:
    """The file and the function's name of "module:name"; StepError where it is written otherwise."""
    module, colon, name = function.partition(":")
    if not colon or not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise StepError(f"{function!r} names no function.", hint='function = "rules:answer" is `answer` in rules.py')
    folder = pipeline.workspace / "pipelines" / pipeline.name
    return folder.joinpath(*module.split(".")).with_suffix(".py"), name


def fingerprint(settings: Mapping[str, Any], pipeline: PipelineInfo) -> str:
    """SHA-256 (hex) of the file: another text is another model."""
    path, _ = rules_file(str(settings["function"]), pipeline)
    return hashlib.sha256(_read(path).encode()).hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StepError(f"The rules cannot be read: {error}", hint="the file lies beside pipeline.toml") from error


rules.fingerprint = fingerprint  # type: ignore[attr-defined]  # how cache.py finds it
