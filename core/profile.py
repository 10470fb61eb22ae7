"""What the training rows looked like, and counts of other rows in the same bins.

A profile is kept with its version. Counts of any rows can be merged by adding, so a window's drift costs the
same whatever its traffic: the bins are compared, not the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarterdeck.core.binning import (
    as_numbers,
    choose_categories,
    choose_edges,
    count_categories,
    count_numbers,
    count_outside,
)
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.models.signature import Field, FieldKind, Signature

Column = Sequence[Any] | NDArray[Any]

SCORE = "prediction"  # the name under which the model's own score is shown
_NUMBERS = (FieldKind.NUMBER, FieldKind.INTEGER)
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class BinCounts:
    """One column's rows: in each bin, missing, and (of those in bins) outside what training saw."""

    counts: tuple[int, ...]
    missing: int
    outside: int = 0

    @property
    def rows(self) -> int:
        return sum(self.counts) + self.missing

    @property
    def with_missing(self) -> tuple[int, ...]:
        """The bins with one more for missing rows: what a distance is measured on."""
        return (*self.counts, self.missing)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureProfile:
    """One column of the reference rows.

    Numbers have `edges` (len(counts) - 1 of them) and moments of their finite values; strings and booleans
    have `categories`, the most frequent first, and one more bin for all others.
    """

    name: str
    kind: FieldKind
    reference: BinCounts
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    deviation: float | None = None

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FeatureProfile:
        typed = {
            "kind": FieldKind(data["kind"]),
            "reference": _bins_from_json(data["reference"]),
            "edges": tuple(data["edges"]),
            "categories": tuple(data["categories"]),
        }
        return cls(**(data | typed))


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The reference rows, feature by feature in the signature's order, and the model's scores."""

    features: tuple[FeatureProfile, ...]
    score: FeatureProfile | None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Profile:
        features = tuple(FeatureProfile.from_json(item) for item in data["features"])
        score = None if data["score"] is None else FeatureProfile.from_json(data["score"])
        return cls(features=features, score=score)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Rows counted into a profile's bins; `score` is None where no scores were counted."""

    rows: int
    features: dict[str, BinCounts]
    score: BinCounts | None = None

    def to_json(self) -> dict[str, Any]:
        """{"rows": n, "features": {name: [[bins], missing, outside]}, "score": the same list or None}."""
        features = {name: _bins_to_list(bins) for name, bins in self.features.items()}
        return {
            "rows": self.rows,
            "features": features,
            "score": None if self.score is None else _bins_to_list(self.score),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Counts:
        return cls(
            rows=data["rows"],
            features={name: _bins_from_list(item) for name, item in data["features"].items()},
            score=None if data["score"] is None else _bins_from_list(data["score"]),
        )


def build_profile(columns: Mapping[str, Column], signature: Signature, scores: Column | None = None) -> Profile:
    """Profile the reference rows: one list or array of n values per field, None or NaN where missing.

    `scores` are the model's, of rows it has not seen: on its training rows a model is surer than it will ever
    be again, and the prediction would drift from the first day. Their number may differ from n. Raises
    RefusedError on a missing column, columns of unequal length, and a number column that holds something
    else.
    """
    _check_columns(columns, signature.names)
    score = None
    if scores is not None:
        score = _profile_numbers(Field(name=SCORE, kind=FieldKind.NUMBER), scores)
    return Profile(features=tuple(_profile(field, columns[field.name]) for field in signature.fields), score=score)


def _profile(field: Field, values: Column) -> FeatureProfile:
    return _profile_numbers(field, values) if field.kind in _NUMBERS else _profile_categories(field, values)


def _profile_numbers(field: Field, values: Column) -> FeatureProfile:
    numbers = as_numbers(values, field.name)
    finite = numbers[np.isfinite(numbers)]
    edges = choose_edges(finite)
    counts, missing = count_numbers(numbers, edges)
    some = len(finite) > 0
    return FeatureProfile(
        name=field.name,
        kind=field.kind,
        reference=BinCounts(counts=tuple(counts), missing=missing),
        edges=edges,
        minimum=float(finite.min()) if some else None,
        maximum=float(finite.max()) if some else None,
        mean=float(finite.mean()) if some else None,
        deviation=float(finite.std()) if some else None,
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


def count(profile: Profile, columns: Mapping[str, Column], *, scores: Column | None = None) -> Counts:
    """Count n rows into the profile's bins; columns as in build_profile(), further ones are ignored.

    `outside` is what lies below the least or above the greatest number of the reference, or is a category
    that the reference did not have (0 where it had more than are listed: then it cannot be told).
    """
    rows = _check_columns(columns, profile.names)
    score = None
    if scores is not None and profile.score is not None:
        score = _count(profile.score, scores)
    return Counts(rows=rows, features={f.name: _count(f, columns[f.name]) for f in profile.features}, score=score)


def _count(feature: FeatureProfile, values: Column) -> BinCounts:
    if feature.kind in _NUMBERS:
        numbers = as_numbers(values, feature.name)
        counts, missing = count_numbers(numbers, feature.edges)
        outside = count_outside(numbers, feature.minimum, feature.maximum)
    else:
        counts, missing = count_categories(_as_list(values), _keys(feature.kind, feature.categories))
        outside = counts[-1] if feature.reference.counts[-1] == 0 else 0
    return BinCounts(counts=tuple(counts), missing=missing, outside=outside)


def merge(first: Counts, second: Counts) -> Counts:
    """Both sets of rows together. Raises RefusedError where they were counted into different bins."""
    if first.features.keys() != second.features.keys() or (first.score is None) != (second.score is None):
        raise RefusedError("these counts are of different profiles")
    features = {name: _add(bins, second.features[name], name) for name, bins in first.features.items()}
    score = None
    if first.score is not None and second.score is not None:
        score = _add(first.score, second.score, SCORE)
    return Counts(rows=first.rows + second.rows, features=features, score=score)


def _add(first: BinCounts, second: BinCounts, name: str) -> BinCounts:
    if len(first.counts) != len(second.counts):
        raise RefusedError("these counts are of different profiles", where=name)
    return BinCounts(
        counts=tuple(a + b for a, b in zip(first.counts, second.counts, strict=True)),
        missing=first.missing + second.missing,
        outside=first.outside + second.outside,
    )


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


def _bins_from_json(data: dict[str, Any]) -> BinCounts:
    return BinCounts(counts=tuple(data["counts"]), missing=data["missing"], outside=data["outside"])


def _bins_to_list(bins: BinCounts) -> list[Any]:
    return [list(bins.counts), bins.missing, bins.outside]


def _bins_from_list(data: list[Any]) -> BinCounts:
    counts, missing, outside = data
    return BinCounts(counts=tuple(counts), missing=missing, outside=outside)
