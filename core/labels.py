"""A label, checked against what the model's task can have."""

from __future__ import annotations

import difflib
import json
import math
from typing import Any

from quarterdeck.core.errors import InputError
from quarterdeck.core.models.signature import Signature
from quarterdeck.core.values import Task


def judged_label(label: Any, signature: Signature) -> str | int | float:
    """The label as the model's task writes it. Raises InputError for what cannot be one."""
    if signature.task is Task.REGRESSION:
        return _number(label)
    classes = signature.classes or ()
    for known in classes:
        if isinstance(label, (str, int, float)) and isinstance(label, str) == isinstance(known, str) and label == known:
            return known
    names = [label_json(known) for known in classes]
    near = difflib.get_close_matches(_text(label)[:100], names, n=1)
    shown = f"{', '.join(names[:10])}{' …' if len(names) > 10 else ''}"
    hint = f"did you mean {near[0]}? {shown}" if near else shown
    raise InputError("expected one of the model's classes", where="label", hint=hint)


def typed_label(text: str, signature: Signature) -> str | int | float:
    """A label as a person types it: a class without quotation marks, or a number. InputError as judged_label()."""
    if signature.task is Task.REGRESSION or all(isinstance(known, int) for known in signature.classes or ("",)):
        try:
            return judged_label(float(text) if signature.task is Task.REGRESSION else int(text), signature)
        except ValueError:
            pass
    return judged_label(text, signature)


def label_json(label: str | int | float) -> str:
    """A label as the prediction log writes it."""
    return json.dumps(label, ensure_ascii=False, separators=(",", ":"))


def _text(label: Any) -> str:
    try:
        return json.dumps(label, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(label)


def _number(label: Any) -> float:
    try:
        number = float(label) if label.__class__ in (int, float) else math.nan
    except OverflowError:  # an integer of hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise InputError("expected a number of 64 bits", where="label")
    return number
