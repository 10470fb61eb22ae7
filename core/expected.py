"""A version's expected inputs: some rows, and what the training engine answers to them.

They are kept at registration, so that a running server can be asked the same rows and must answer the same. Loads
without numpy.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quarterdeck.core.errors import IntegrityError

FORMAT = 1
TOLERANCE = 1e-5  # between two engines' probabilities or values, relative, as a conversion is allowed
SMALL = 1000  # what is smaller than the greatest by this factor counts as that small

Answer = Mapping[str, Any]  # {"value"} or {"label"} and, where the model gives them, {"probabilities": {class: p}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """Rows as a client sends them, and one answer to each."""

    rows: tuple[dict[str, Any], ...]
    answers: tuple[dict[str, Any], ...]

    def to_bytes(self) -> bytes:
        """JSON, the same bytes for the same rows."""
        document = {"format": FORMAT, "rows": self.rows, "answers": self.answers}
        return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Expected:
        """Raises IntegrityError for anything but what to_bytes() gave."""
        try:
            document = json.loads(data)
            rows, answers = tuple(document["rows"]), tuple(document["answers"])
            if document["format"] != FORMAT or len(rows) != len(answers) or not rows:
                raise ValueError(f"format {document['format']}, {len(rows)} rows, {len(answers)} answers")
        except (ValueError, KeyError, TypeError) as error:
            hint = "make them again: `quarterdeck service expect`"
            raise IntegrityError(f"the expected inputs cannot be read: {error}", hint=hint) from error
        return cls(rows=rows, answers=answers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Where a served answer is not the expected one. `by`: relative; None where it is no number's difference."""

    row: int
    what: str  # "label", "value", "probability of late", or "answer" where there is none
    expected: Any
    served: Any
    by: float | None = None


def compare(expected: Expected, served: Sequence[Answer | str]) -> list[Difference]:
    """What differs, row by row. `served`: one answer a row, or why there is none.

    Labels must be equal; probabilities and values within TOLERANCE, where a size under a thousandth of the greatest
    one counts as that thousandth. NaN, infinity and what is missing differ.
    """
    floor = _floor(expected)
    found: list[Difference] = []
    for row, (ours, theirs) in enumerate(zip(expected.answers, served, strict=True)):
        if isinstance(theirs, str):
            found.append(Difference(row=row, what="answer", expected=_short(ours), served=theirs))
        else:
            found += _of_row(row, ours, theirs, floor)
    return found


def _of_row(row: int, ours: Answer, theirs: Answer, floor: float) -> Iterator[Difference]:
    if "label" in ours and ours["label"] != theirs.get("label"):
        yield Difference(row=row, what="label", expected=ours["label"], served=theirs.get("label"))
    numbers = [("value", ours["value"], theirs.get("value"))] if "value" in ours else []
    given = theirs.get("probabilities") or {}
    for name, probability in (ours.get("probabilities") or {}).items():
        numbers.append((f"probability of {name}", probability, given.get(name)))
    for what, wanted, found in numbers:
        by = _difference(wanted, found, floor)
        if not by <= TOLERANCE:
            yield Difference(row=row, what=what, expected=wanted, served=found, by=by)


def _difference(wanted: float, found: Any, floor: float) -> float:
    """|found - wanted| / max(|wanted|, floor); infinite for what is no finite number."""
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return math.inf
    return abs(found - wanted) / max(abs(wanted), floor)


def _floor(expected: Expected) -> float:
    sizes = [abs(answer["value"]) for answer in expected.answers if "value" in answer]
    for answer in expected.answers:
        sizes += [abs(probability) for probability in (answer.get("probabilities") or {}).values()]
    return max(max(sizes, default=0.0) / SMALL, sys.float_info.min)


def _short(answer: Answer) -> Any:
    return answer.get("label", answer.get("value"))
