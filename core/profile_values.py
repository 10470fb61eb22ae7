"""A reference profile and counts in its bins, as values; profile.py says what they are for.

Equal counts are equal whatever their moments: sums of floats differ in the last digit with the order of the rows.
Loads without numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from quarterdeck.core.models.signature import FieldKind
from quarterdeck.core.moments import Moments

SCORE = "prediction"  # the name under which the model's own score is shown
NUMBERS = (FieldKind.NUMBER, FieldKind.INTEGER)


@dataclass(frozen=True, kw_only=True, slots=True)
class BinCounts:
    """One column's rows: in each bin, missing, and (of those in bins) outside what training saw.

    `moments` are of a number's finite values; None for categories, and where nobody took them.
    """

    counts: tuple[int, ...]
    missing: int
    outside: int = 0
    moments: Moments | None = field(default=None, compare=False)

    @property
    def rows(self) -> int:
        return sum(self.counts) + self.missing

    @property
    def present(self) -> int:
        """The rows that have a value."""
        return sum(self.counts)

    @property
    def with_missing(self) -> tuple[int, ...]:
        """The bins with one more for missing rows: what a distance of shares is measured on."""
        return (*self.counts, self.missing)

    def to_list(self) -> list[Any]:
        """[[bins], missing, outside], and the moments where there are any."""
        listed = [list(self.counts), self.missing, self.outside]
        return listed if self.moments is None else [*listed, self.moments.to_list()]

    @classmethod
    def from_list(cls, data: Sequence[Any]) -> BinCounts:
        counts, missing, outside, *more = data
        moments = Moments.from_list(more[0]) if more else None
        return cls(counts=tuple(counts), missing=missing, outside=outside, moments=moments)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> BinCounts:
        kept = data.get("moments")
        moments = None if kept is None else Moments(**kept)
        return cls(counts=tuple(data["counts"]), missing=data["missing"], outside=data["outside"], moments=moments)


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureProfile:
    """One column of the reference rows.

    Numbers have `edges` (len(counts) - 1 of them) and moments of their finite values; strings and booleans
    have `categories`, the most frequent first, and one more bin for all others. `centres` are the means of the
    finite numbers in each bin, the nearest edge where it is empty; profiles of earlier releases have none.
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
    centres: tuple[float, ...] = ()

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBERS

    @property
    def spaced(self) -> bool:
        """Whether each distinct number has a bin of its own: only then is a bin empty on either side."""
        counts = self.reference.counts
        return self.is_number and len(counts) > 2 and counts[0] == 0 == counts[-1]

    @property
    def distinct(self) -> int | None:
        """How many different values the reference has; None where bins do not tell."""
        if self.is_number and not self.spaced:
            return None if self.reference.present else 0
        return sum(count > 0 for count in self.reference.counts)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FeatureProfile:
        typed = {
            "kind": FieldKind(data["kind"]),
            "reference": BinCounts.from_json(data["reference"]),
            "edges": tuple(data["edges"]),
            "categories": tuple(data["categories"]),
            "centres": tuple(data.get("centres", ())),
        }
        return cls(**(data | typed))


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The reference rows, feature by feature in the signature's order, and what the model was to say and said.

    `score` is the model's score, `answer` its class (classifiers only), both on rows it has not seen; `target` is the
    truth of the training rows. Profiles of earlier releases have neither `answer` nor `target`.
    """

    features: tuple[FeatureProfile, ...]
    score: FeatureProfile | None
    answer: FeatureProfile | None = None
    target: FeatureProfile | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Profile:
        features = tuple(FeatureProfile.from_json(item) for item in data["features"])
        others = {name: _feature_or_none(data.get(name)) for name in ("score", "answer", "target")}
        return cls(features=features, **others)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Rows counted into a profile's bins; `score` and `answer` are None where none were counted."""

    rows: int
    features: dict[str, BinCounts]
    score: BinCounts | None = None
    answer: BinCounts | None = None

    def to_json(self) -> dict[str, Any]:
        """{"rows": n, "features": {name: [[bins], missing, outside]}, "score": the same list or None}.

        A column with moments has them as a fourth item; "answer" is there where answers were counted.
        """
        found: dict[str, Any] = {
            "rows": self.rows,
            "features": {name: bins.to_list() for name, bins in self.features.items()},
            "score": None if self.score is None else self.score.to_list(),
        }
        return found if self.answer is None else found | {"answer": self.answer.to_list()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Counts:
        return cls(
            rows=data["rows"],
            features={name: BinCounts.from_list(item) for name, item in data["features"].items()},
            score=_bins_or_none(data["score"]),
            answer=_bins_or_none(data.get("answer")),
        )


def _feature_or_none(data: dict[str, Any] | None) -> FeatureProfile | None:
    return None if data is None else FeatureProfile.from_json(data)


def _bins_or_none(data: list[Any] | None) -> BinCounts | None:
    return None if data is None else BinCounts.from_list(data)
