"""What the held-out rows looked like, so that an estimate can say that it knows nothing of rows like these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quarterdeck.core.models.signature import FieldKind, Signature
from quarterdeck.core.performance.beliefs import Floats
from quarterdeck.core.performance.error_model import category

MOST_OUTSIDE = 0.1  # of a window's rows, in one field; more, and the estimate is silent
ANSWER = "prediction"  # the model's own answer, beside the fields
_NUMBERS = (FieldKind.NUMBER, FieldKind.INTEGER)


@dataclass(frozen=True, kw_only=True, slots=True)
class Support:
    """`ranges`: (least, greatest) of each number; `categories`: the others' values, a missing one as ""."""

    ranges: Mapping[str, tuple[float, float]]
    categories: Mapping[str, frozenset[str]]

    def outside(self, columns: Mapping[str, Sequence[Any]], answers: Floats) -> dict[str, float]:
        """The share of rows outside in each field; a missing number is not outside of any range."""
        found = {name: _beyond(_numbers(columns[name]), *span) for name, span in self.ranges.items() if name in columns}
        if ANSWER in self.ranges:
            found[ANSWER] = _beyond(answers, *self.ranges[ANSWER])
        for name, known in self.categories.items():
            if name in columns and len(columns[name]):
                strange = sum(category(value) not in known for value in columns[name])
                found[name] = strange / len(columns[name])
        return found

    def to_json(self) -> dict[str, Any]:
        categories = {name: sorted(values) for name, values in self.categories.items()}
        return {"ranges": {name: list(span) for name, span in self.ranges.items()}, "categories": categories}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Support:
        return cls(
            ranges={name: (span[0], span[1]) for name, span in data["ranges"].items()},
            categories={name: frozenset(values) for name, values in data["categories"].items()},
        )


def learn_support(columns: Mapping[str, Sequence[Any]], answers: Floats, signature: Signature) -> Support:
    """Of n rows; `answers` (n,): the model's numbers, or its probability of the class it named."""
    ranges, categories = {}, {}
    for field in signature.fields:
        if field.kind in _NUMBERS:
            numbers = _numbers(columns[field.name])
            finite = numbers[np.isfinite(numbers)]
            if len(finite):
                ranges[field.name] = (float(finite.min()), float(finite.max()))
        else:
            categories[field.name] = frozenset(category(value) for value in columns[field.name])
    if len(answers):
        ranges[ANSWER] = (float(answers.min()), float(answers.max()))
    return Support(ranges=ranges, categories=categories)


def too_far(outside: Mapping[str, float]) -> str:
    """Why an estimate is silent on rows of which these shares are outside; "" where it is not."""
    field, share = max(outside.items(), key=lambda item: item[1], default=("", 0.0))
    if share <= MOST_OUTSIDE:
        return ""
    what = "the answers" if field == ANSWER else field
    return f"no estimate: in {share:.0%} of the rows {what} is outside of what the held-out rows had"


def _numbers(values: Sequence[Any]) -> Floats:
    return np.array([value if isinstance(value, int | float) else np.nan for value in values], dtype=np.float64)


def _beyond(numbers: Floats, least: float, greatest: float) -> float:
    if len(numbers) == 0:
        return 0.0
    return float(((numbers < least) | (numbers > greatest)).mean())
