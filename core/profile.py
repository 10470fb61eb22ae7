"""What the training rows looked like, and counts of other rows in the same bins.

A profile is kept with its version. Counts of any rows can be merged by adding, so a window's drift costs the
same whatever its traffic: the bins are compared, not the rows. The values are in profile_values.py, the cutting of
bins in binning.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarterdeck.core.binning import (
    as_numbers,
    bin_centres,
    choose_categories,
    choose_edges,
    count_categories,
    count_numbers,
    count_outside,
    take_moments,
)
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.models.signature import Field, FieldKind, Signature
from quarterdeck.core.moments import Moments
from quarterdeck.core.profile_values import NUMBERS, SCORE, BinCounts, Counts, FeatureProfile, Profile
from quarterdeck.core.values import Task

__all__ = ["SCORE", "BinCounts", "Column", "Counts", "FeatureProfile", "Profile", "build_profile", "count", "merge"]

Column = Sequence[Any] | NDArray[Any]

ANSWER = "answer"  # the name under which the model's class is shown
_TRUTH = {"true": True, "false": False}


def build_profile(
    columns: Mapping[str, Column],
    signature: Signature,
    scores: Column | None = None,
    *,
    answers: Column | None = None,
    target: Column | None = None,
) -> Profile:
    """Profile the reference rows: one list or array of n values per field, None or NaN where missing.

    `scores` and `answers` (classes) are the model's, of rows it has not seen: on its training rows a model is surer
    than it will ever be again, and the prediction would drift from the first day. `target` is the truth. The number
    of each may differ from n. Raises RefusedError on a missing column, columns of unequal length, and a number column
    that holds something else.
    """
    _check_columns(columns, signature.names)
    score = None
    if scores is not None:
        score = _profile_numbers(Field(name=SCORE, kind=FieldKind.NUMBER), scores)
    classes = signature.task is not Task.REGRESSION
    return Profile(
        features=tuple(_profile(field, columns[field.name]) for field in signature.fields),
        score=score,
        answer=_profile_classes(ANSWER, answers) if answers is not None and classes else None,
        target=None if target is None else _profile_target(signature, target, classes),
    )


def _profile_target(signature: Signature, values: Column, classes: bool) -> FeatureProfile:
    if classes:
        return _profile_classes(signature.target, values)
    return _profile_numbers(Field(name=signature.target, kind=FieldKind.NUMBER), values)


def _profile_classes(name: str, values: Column) -> FeatureProfile:
    return _profile_categories(Field(name=name, kind=FieldKind.STRING), class_names(values))


def class_names(values: Column) -> list[Any]:
    """Classes as the text that a profile knows them by: 1, 1.0 and True are one; None and NaN stay missing."""
    return [value if value is None or value != value else _class_name(value) for value in _as_list(values)]


def _class_name(value: Any) -> str:
    whole = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
    return str(int(value)) if whole else str(value)


def _profile(field: Field, values: Column) -> FeatureProfile:
    return _profile_numbers(field, values) if field.kind in NUMBERS else _profile_categories(field, values)


def _profile_numbers(field: Field, values: Column) -> FeatureProfile:
    numbers = as_numbers(values, field.name)
    edges = choose_edges(numbers[np.isfinite(numbers)])
    counts, missing = count_numbers(numbers, edges)
    moments = take_moments(numbers)
    return FeatureProfile(
        name=field.name,
        kind=field.kind,
        reference=BinCounts(counts=tuple(counts), missing=missing, moments=moments),
        edges=edges,
        minimum=None if moments is None else moments.minimum,
        maximum=None if moments is None else moments.maximum,
        mean=None if moments is None else moments.mean,
        deviation=None if moments is None else moments.deviation,
        centres=bin_centres(numbers, edges),
    )


def _profile_categories(field: Field, values: Column) -> FeatureProfile:
    plain = _as_list(values)
    if field.kind is FieldKind.BOOLEAN:
        categories: tuple[str, ...] = tuple(_TRUTH)
    else:
        categories = tuple(str(category) for category in choose_categories(plain))
    counts, missing = count_categories(plain, _keys(field.kind, categories))
    reference = BinCounts(counts=tuple(counts), missing=missing)
    return FeatureProfile(name=field.name, kind=field.kind, reference=reference, categories=categories)


def count(
    profile: Profile, columns: Mapping[str, Column], *, scores: Column | None = None, answers: Column | None = None
) -> Counts:
    """Count n rows into the profile's bins; columns as in build_profile(), further ones are ignored.

    `outside` is what lies below the least or above the greatest number of the reference, or is a category
    that the reference did not have (0 where it had more than are listed: then it cannot be told).
    """
    rows = _check_columns(columns, profile.names)
    score = answer = None
    if scores is not None and profile.score is not None:
        score = count_column(profile.score, scores)
    if answers is not None and profile.answer is not None:
        answer = count_column(profile.answer, class_names(answers))
    features = {f.name: count_column(f, columns[f.name]) for f in profile.features}
    return Counts(rows=rows, features=features, score=score, answer=answer)


def count_column(feature: FeatureProfile, values: Column) -> BinCounts:
    """Count one column, as count() does."""
    if feature.is_number:
        numbers = as_numbers(values, feature.name)
        counts, missing = count_numbers(numbers, feature.edges)
        outside = count_outside(numbers, feature.minimum, feature.maximum)
        return BinCounts(counts=tuple(counts), missing=missing, outside=outside, moments=take_moments(numbers))
    counts, missing = count_categories(_as_list(values), _keys(feature.kind, feature.categories))
    outside = counts[-1] if feature.reference.counts[-1] == 0 else 0
    return BinCounts(counts=tuple(counts), missing=missing, outside=outside)


def merge(first: Counts, second: Counts) -> Counts:
    """Both sets of rows together. Raises RefusedError where they were counted into different bins.

    Answers that only one side counted are kept: their shares are compared, not their number.
    """
    if first.features.keys() != second.features.keys() or (first.score is None) != (second.score is None):
        raise RefusedError("these counts are of different profiles")
    return Counts(
        rows=first.rows + second.rows,
        features={name: _add(bins, second.features[name], name) for name, bins in first.features.items()},
        score=_add_where_there(first.score, second.score, SCORE),
        answer=_add_where_there(first.answer, second.answer, ANSWER),
    )


def _add_where_there(first: BinCounts | None, second: BinCounts | None, name: str) -> BinCounts | None:
    if first is None or second is None:
        return first or second
    return _add(first, second, name)


def _add(first: BinCounts, second: BinCounts, name: str) -> BinCounts:
    if len(first.counts) != len(second.counts):
        raise RefusedError("these counts are of different profiles", where=name)
    return BinCounts(
        counts=tuple(map(add, first.counts, second.counts)),  # of one length; twice as fast as a loop, in every batch
        missing=first.missing + second.missing,
        outside=first.outside + second.outside,
        moments=_merge_moments(first, second),
    )


def _merge_moments(first: BinCounts, second: BinCounts) -> Moments | None:
    """None where one side has values whose moments nobody took: half of them would mislead."""
    if first.moments is not None and second.moments is not None:
        return first.moments.merge(second.moments)
    if first.present == 0 or second.present == 0:
        return first.moments or second.moments
    return None


def _keys(kind: FieldKind, categories: tuple[str, ...]) -> list[Any]:
    return [_TRUTH[category] for category in categories] if kind is FieldKind.BOOLEAN else list(categories)


def _as_list(values: Column) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def _check_columns(columns: Mapping[str, Column], names: Sequence[str]) -> int:
    missing = [name for name in names if name not in columns]
    if missing:
        raise RefusedError(f"the rows lack the column {missing[0]!r}")
    lengths = {len(columns[name]) for name in names}
    if len(lengths) > 1:
        raise RefusedError(f"the columns have different lengths: {sorted(lengths)}")
    return lengths.pop() if lengths else 0
