"""Direct loss estimation: how far off a regression's answers are, by a second model that learned its errors.

On held-out rows the absolute and the squared error of each answer are known; a model of either from the row's fields
and the answer then says what to expect of rows without labels. The mean of the one is the mean absolute error, of the
other the mean squared error. NannyML's DLE, which uses LightGBM.

It holds while the same inputs are still answered as wrongly as they were. Where what is to be predicted has changed for
the same inputs (concept drift) it sees nothing of that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quarterdeck.core.performance.beliefs import Floats
from quarterdeck.core.performance.cbpe import Estimated, combine
from quarterdeck.core.performance.error_model import Encoding, ErrorModel
from quarterdeck.core.performance.spread import MetricReference

NAMES = ("mean_absolute_error", "root_mean_squared_error", "mean_squared_error")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Losses:
    """The two models of the error, on one encoding of the fields."""

    encoding: Encoding
    absolute: ErrorModel
    squared: ErrorModel

    def to_json(self) -> dict[str, Any]:
        return {
            "names": list(self.encoding.names),
            "categories": {name: dict(codes) for name, codes in self.encoding.categories.items()},
            "absolute": self.absolute.to_json(),
            "squared": self.squared.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Losses:
        return cls(
            encoding=Encoding(names=tuple(data["names"]), categories=data["categories"]),
            absolute=ErrorModel.from_json(data["absolute"]),
            squared=ErrorModel.from_json(data["squared"]),
        )


def estimate_numbers(
    losses: Losses,
    reference: Mapping[str, MetricReference],
    columns: Mapping[str, Sequence[Any]],
    predicted: Floats,
) -> dict[str, Estimated]:
    """The metrics of NAMES that the reference has, for n rows: fields as clients sent them, (n,) answers.

    The errors' own variance is taken from both models for the mean absolute error (E e^2 - (E |e|)^2), and from the
    reference, at the size that the errors have now, for the squared ones.
    """
    if len(predicted) == 0:
        return {}
    matrix = losses.encoding.matrix(columns, predicted)
    n, mae = len(predicted), float(losses.absolute.predict(matrix).mean())
    mse = float(losses.squared.predict(matrix).mean())
    found = {}
    if "mean_absolute_error" in reference:
        own = math.sqrt(max(0.0, mse - mae**2) / n)
        found["mean_absolute_error"] = combine(mae, own, reference["mean_absolute_error"], n)
    for name, value in (("root_mean_squared_error", math.sqrt(mse)), ("mean_squared_error", mse)):
        if name in reference:
            known = reference[name]
            grown = value / known.value if known.value > 0 else 1.0
            found[name] = combine(value, grown * (known.spread or 0.0) / math.sqrt(n), known, n)
    return found
