"""The signature of a model from elsewhere: from the file, from a version that takes the same, or from rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from quarterdeck.core.errors import RefusedError, UsageError
from quarterdeck.core.models.infer import infer_signature
from quarterdeck.core.models.signature import Field, Signature
from quarterdeck.core.pipeline.info import PipelineInfo
from quarterdeck.core.values import Task
from quarterdeck.scheduler.importing.request import Beside, Found, ImportRequest


def describe(found: Found, request: ImportRequest, beside: Beside) -> Signature:
    """What the model takes and gives. RefusedError where that is not known, or contradicts itself."""
    like = beside.like.signature if beside.like is not None else None
    if like is not None:
        signature = _as_like(found, request, like)
    elif beside.rows is not None:
        signature = _from_rows(found, request, beside, beside.rows)
    elif found.fields is not None:
        signature = _from_file(found, request, beside, found.fields)
    else:
        raise RefusedError(
            "the file does not say what its fields are: their names, kinds and ranges",
            hint="add --like MODEL@N (a version that takes the same), or --rows FILE.parquet --target COLUMN",
        )
    _check_nulls(found, signature)
    return signature


def _as_like(found: Found, request: ImportRequest, like: Signature) -> Signature:
    if request.task not in (None, like.task) or request.target not in (None, like.target):
        raise UsageError("--like says what is predicted: --task and --target say otherwise", hint="leave them out")
    names = _names(found, like.names)
    fields = {field.name: field for field in like.fields}
    signature = replace(like, fields=tuple(fields[name] for name in names))
    return _with_classes(found, signature)


def _from_rows(found: Found, request: ImportRequest, beside: Beside, rows: pl.DataFrame) -> Signature:
    target = _target(found, request, beside)
    if target not in rows.columns:
        raise RefusedError(
            f"the rows have no column {target!r}, the target", hint=f"they have {', '.join(rows.columns)}"
        )
    manifest = beside.manifest
    info = PipelineInfo(
        name=request.name,
        task=_task(found, request, beside, rows[target]),
        target=target,
        entity=manifest.entity if manifest else None,
        time=manifest.time if manifest else None,
        seed=0,
        workspace=Path(),
    )
    apart = {target, info.entity, info.time}
    present = tuple(name for name in rows.columns if name not in apart)
    signature = infer_signature(rows, info, _names(found, present))
    return _with_classes(found, signature)


def _from_file(found: Found, request: ImportRequest, beside: Beside, fields: tuple[Field, ...]) -> Signature:
    task = _task(found, request, beside, None)
    if task is not Task.REGRESSION and found.classes is None:
        raise RefusedError("the file does not say which classes it knows", hint="add --like or --rows with --target")
    manifest = beside.manifest
    return Signature(
        fields=fields,
        task=task,
        target=_target(found, request, beside),
        entity=manifest.entity if manifest else None,
        time=manifest.time if manifest else None,
        classes=None if task is Task.REGRESSION else found.classes,
    )


def _names(found: Found, known: tuple[str, ...]) -> tuple[str, ...]:
    """The fields in the order the model takes them; `known` are those of the version or the rows."""
    if found.columns is not None:
        missing = [name for name in found.columns if name not in known]
        if missing:
            hint = f"there are {', '.join(known[:20])}"
            raise RefusedError(f"the model takes {', '.join(map(repr, missing[:10]))}, which is not there", hint=hint)
        return found.columns if found.in_order else tuple(name for name in known if name in found.columns)
    if found.width is not None and found.width != len(known):
        hint = "name rows or a version with exactly its fields, in its order"
        raise RefusedError(
            f"the model takes {found.width} fields, and there are {len(known)}: {', '.join(known[:20])}", hint=hint
        )
    return known


def _target(found: Found, request: ImportRequest, beside: Beside) -> str:
    manifest = beside.manifest
    if manifest is not None and request.target not in (None, manifest.target):
        message = f"the pipeline {manifest.name} predicts {manifest.target!r}, not {request.target!r}"
        raise UsageError(message, hint="leave --target out, or import it under another name")
    target = request.target or (manifest.target if manifest else None) or found.target
    if target is None:
        raise UsageError("nothing says what the model predicts", hint="add --target COLUMN")
    return target


def _task(found: Found, request: ImportRequest, beside: Beside, truth: pl.Series | None) -> Task:
    if beside.manifest is not None and request.task not in (None, beside.manifest.task):
        raise UsageError(f"the pipeline {beside.manifest.name} is {beside.manifest.task}, not {request.task}")
    task = request.task or (beside.manifest.task if beside.manifest else None) or found.task or _guess(found, truth)
    if found.classifies is not None and found.classifies is (task is Task.REGRESSION):
        kind = "a classifier" if found.classifies else "a regression"
        raise RefusedError(f"the model is {kind}, and the task is {task}", hint="is it the model you meant?")
    return task


def _guess(found: Found, truth: pl.Series | None) -> Task:
    if found.classifies is False:
        return Task.REGRESSION
    count = len(found.classes) if found.classes else None
    if count is None and truth is not None:
        if truth.dtype.is_float() and not found.classifies:
            return Task.REGRESSION
        count = truth.drop_nulls().n_unique()
        if not found.classifies and truth.dtype.is_integer() and count != 2:
            raise UsageError("it cannot be told whether the target is a number or a class", hint="add --task")
    if count is None:
        raise UsageError("nothing says whether the model gives a number or a class", hint="add --task")
    return Task.BINARY if count == 2 else Task.MULTICLASS


def _with_classes(found: Found, signature: Signature) -> Signature:
    """The classes in the model's own order, where it names them; those of the rows must be among them."""
    if found.classes is None or signature.classes is None:
        return signature
    strange = [label for label in signature.classes if label not in found.classes]
    if strange or (signature.task is Task.BINARY and len(found.classes) != 2):
        known, wanted = (", ".join(map(repr, labels[:10])) for labels in (found.classes, signature.classes))
        raise RefusedError(f"the model knows the classes {known}, and the target has {wanted}")
    return replace(signature, classes=found.classes)


def _check_nulls(found: Found, signature: Signature) -> None:
    for field in signature.fields:
        if field.nullable and field.name in found.no_missing:
            raise RefusedError(
                f"the field {field.name!r} may be missing, and the model's input for it has no word for that",
                hint="export it with floats, or fill in the missing values in the rows",
            )
